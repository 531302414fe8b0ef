package resolver

import "github.com/pageslot/pageslot/sys"

// protectedMode is the flag of both calls that can put protected pages there.
const protectedMode = sys.UFFDIO_COPY_MODE_WP

// It is the same in both.
var _ [0]struct{} = [sys.UFFDIO_COPY_MODE_WP ^ sys.UFFDIO_CONTINUE_MODE_WP]struct{}{}
