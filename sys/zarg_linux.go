package sys

// UffdMsgArg is the union in struct uffd_msg.
type UffdMsgArg struct {
	Raw [3]uint64
}
