package hugepages

import "testing"

func TestLong(t *testing.T) {
	for _, tc := range []struct {
		size uint64
		want string
	}{
		{0, ""},
		{64 << 10, ""},
		{1 << 20, ""}, // s390x
		{2 << 20, ""}, // amd64, and most others
		{4 << 20, ""}, // 386 without PAE
		{4<<20 + 1, "huge pages of 4194305 take long to fill: run without -short"},
		{16 << 20, "huge pages of 16MiB take long to fill: run without -short"},   // ppc64le
		{32 << 20, "huge pages of 32MiB take long to fill: run without -short"},   // loong64, arm64 with pages of 16 KiB
		{512 << 20, "huge pages of 512MiB take long to fill: run without -short"}, // arm64 with pages of 64 KiB
		{1 << 63, "huge pages of 8EiB take long to fill: run without -short"},
	} {
		why, long := Long(tc.size)
		if why != tc.want || long != (tc.want != "") {
			t.Errorf("%d bytes: %q, %v; want %q", tc.size, why, long, tc.want)
		}
	}
}
