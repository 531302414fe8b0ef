package probe

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/machine"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

func TestEveryQuestionIsAsked(t *testing.T) {
	answered := map[Question]int{}
	for q := range asked {
		answered[q]++
	}
	for _, a := range abilities {
		answered[a.question]++
	}
	for _, q := range Questions() {
		if answered[q] != 1 {
			t.Errorf("%d functions for %s", answered[q], q)
		}
	}
	if len(answered) != len(Questions()) {
		t.Errorf("%d answers for %d questions", len(answered), len(Questions()))
	}
}

// need skips t unless the machine says yes; name is what the skip is called.
func need(t *testing.T, question Question, name testgate.Name) Answer {
	t.Helper()
	a := Ask(question)
	switch a.Verdict {
	case Inconclusive:
		t.Fatalf("%s: %+v", question, a)
	case No:
		testgate.Skip(t, name, a.Reason)
	}
	return a
}

// What a machine has, and the gate's environment insists on, has a yes.
func TestWhatTheGateInsistsOn(t *testing.T) {
	for question, name := range map[Question]testgate.Name{
		"userfaultfd.open":     testgate.Userfaultfd,
		"userfaultfd.features": testgate.Userfaultfd,
		"memfd.create":         testgate.Memfd,
		"memfd.seals":          testgate.Memfd,
		"memfd.noexec-seal":    testgate.MemfdNoexec,
		"memfd.exec":           testgate.MemfdNoexec,
		"memfd.secret":         testgate.MemfdSecret,
		"memfd.hugetlb-page":   testgate.Hugetlb,
		"pagemap.scan":         testgate.PagemapScan,
		"pagemap.categories":   testgate.PagemapScan,
		"guard.install":        testgate.GuardRegions,
		"limits.mappings":      testgate.MapCount,
		"limits.overcommit":    testgate.Overcommit,
		UffdMissing:            testgate.Userfaultfd,
		UffdZeropage:           testgate.Userfaultfd,
		UffdMinor:              testgate.UffdFeature,
		UffdWriteProtect:       testgate.UffdFeature,
		UffdWriteProtectAsync:  testgate.UffdFeature,
		UffdPoison:             testgate.UffdFeature,
		UffdMove:               testgate.UffdFeature,
		UffdRWP:                testgate.UffdFeature,
		UffdRWPAsync:           testgate.UffdFeature,
		PkeyFree:               testgate.Pkey,
		ProcmapQuery:           testgate.ProcmapQuery,
		PopulateRead:           testgate.Populate,
		PopulateWrite:          testgate.Populate,
		Collapse:               testgate.Collapse,
		ProcessMadvise:         testgate.ProcessMadvise,
		PidfdOpen:              testgate.Pidfd,
		Mseal:                  testgate.Mseal,
		Droppable:              testgate.Droppable,
		THPSetting:             testgate.THP,
		THPPage:                testgate.THP,
		LimitMemlock:           testgate.Memlock,
	} {
		t.Run(string(question), func(t *testing.T) { need(t, question, name) })
	}
}

// One of two tests is skipped: a machine has keys or it has not, and the gate
// knows which. The processor's flags are a second opinion.
func TestProtectionKeys(t *testing.T) {
	a := Ask("pkey")
	if a.Verdict == Inconclusive {
		t.Fatalf("%+v", a)
	}
	flag := regexp.MustCompile(`(?m)^(flags|Features)\s*:.* (ospke|poe)( |$)`)
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err == nil && (runtime.GOARCH == "amd64" || runtime.GOARCH == "386" || runtime.GOARCH == "arm64") && flag.Match(cpu) != (a.Verdict == Yes) {
		t.Errorf("%+v, but /proc/cpuinfo says otherwise", a)
	}
	t.Run("there", func(t *testing.T) {
		if a.Verdict == No {
			testgate.Skip(t, testgate.Pkey, a.Reason)
		}
	})
	t.Run("not there", func(t *testing.T) {
		if a.Verdict == Yes {
			testgate.Skip(t, testgate.NoPkey, "there are keys")
		}
	})
}

// Root, and whom the system allows, gets a descriptor that sees all faults.
func TestKernelFaults(t *testing.T) {
	a := need(t, "userfaultfd.open", testgate.Userfaultfd)
	all := Ask("userfaultfd.syscall").Verdict == Yes || Ask("userfaultfd.device").Verdict == Yes
	if userModeOnly := slices.Contains(a.Values, "user-mode-only"); userModeOnly == all {
		t.Errorf("a way to all faults: %v, but %+v", all, a)
	}
	if !all {
		testgate.Skip(t, testgate.UffdKernelFaults, Ask("userfaultfd.syscall").Reason)
	}
}

// open counts descriptors and mappings.
func open(t *testing.T) (fds, maps int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	n, ok := machine.Mappings()
	if !ok {
		testgate.Skip(t, testgate.Proc, "/proc/self/maps cannot be read")
	}
	return len(list), int(n)
}

func TestRunLeavesNothingBehind(t *testing.T) {
	Run(context.Background())
	rounds := testgate.Rounds(16, 3)
	for again := 0; ; again++ {
		fds, maps := open(t)
		for range rounds {
			Run(context.Background())
		}
		fdsAfter, mapsAfter := open(t)
		if fdsAfter == fds && mapsAfter < maps+rounds {
			return
		}
		// Go may map memory of its own meanwhile, but not once in each run, every time.
		if fdsAfter != fds || again == 2 {
			t.Fatalf("%d descriptors and %d mappings before, %d and %d after", fds, maps, fdsAfter, mapsAfter)
		}
	}
}

// check fails unless the answer is as wanted and says why.
func check(t *testing.T, question Question, want Verdict, why string) {
	t.Helper()
	if a := Ask(question); a.Verdict != want || !strings.Contains(a.Reason, why) {
		t.Errorf("%s: %+v, want %s and %q", question, a, want, why)
	}
}

// child is testgate.Child for tests that need nothing of their parent.
func child(t *testing.T, env ...string) bool {
	t.Helper()
	_, inChild, err := testgate.Child(t, time.Minute, env...)
	if err != nil {
		t.Fatal(err)
	}
	return inChild
}

// Without descriptors nothing is known, and that must not look like a no.
func TestNoDescriptorsLeft(t *testing.T) {
	if !child(t) {
		return
	}
	yes := map[Question]bool{}
	for _, a := range Run(context.Background()).Answers {
		yes[a.Name] = a.Verdict == Yes
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: 0}); err != nil {
		t.Fatal(err)
	}
	// What needs no descriptor can still be told. Nothing turns into a no.
	without := []Question{Pkey, PkeyFree, PopulateRead, PopulateWrite, DontneedLocked, Collapse, ProcessMadviseSelf, Mseal, Droppable,
		LimitOvercommit, LimitAddressSpace, LimitMemlock, LimitLocked}
	for _, q := range Questions() {
		if q == LimitOvercommit && bits.UintSize == 32 {
			continue // where there may be fewer addresses than memory it reads the setting
		}
		want := Inconclusive
		if slices.Contains(without, q) {
			want = Yes
		}
		if a := Ask(q); yes[q] && a.Verdict != want {
			t.Errorf("without descriptors: %+v, want %s", a, want)
		}
	}
}

func TestAddressSpaceLimited(t *testing.T) {
	if !child(t) {
		return
	}
	before, _ := largestMapping()
	limit := uint64(8 << 30)
	if bits.UintSize == 32 {
		limit = 2 << 30 // a 32-bit kernel takes more for no limit at all
	}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	check(t, "limits.address-space", No, fmt.Sprint(limit))
	if after, _ := largestMapping(); after > limit || after > before {
		t.Errorf("the largest mapping is %d, and was %d", after, before)
	}
	if a := Ask("limits.overcommit"); a.Verdict == No {
		t.Errorf("%+v", a)
	}
}

func TestLockedMemory(t *testing.T) {
	if !child(t) {
		return
	}
	check(t, "limits.locked", Yes, "")
	yes := map[Question]bool{}
	for _, q := range Questions() {
		yes[q] = Ask(q).Verdict == Yes
	}
	// The runtime's own mappings are locked too from then on.
	if n, ok := machine.LockedLimit(); os.Geteuid() != 0 && (!ok || n != machine.Infinity) {
		testgate.Skip(t, testgate.Root, "the Go runtime exits when its own mappings reach RLIMIT_MEMLOCK")
	}
	if err := unix.Mlockall(unix.MCL_FUTURE); err != nil {
		t.Fatal(err)
	}
	check(t, "limits.locked", No, "MCL_FUTURE")
	for _, q := range []Question{GuardInstall, UffdMissing, UffdWriteProtect, UffdTHP, THPPage, ProcessMadvise} {
		if a := Ask(q); yes[q] && a.Verdict != Inconclusive {
			t.Errorf("on locked memory: %+v", a)
		}
	}
}

// The sysctl vm.memfd_noexec belongs to a PID namespace, so a child may have one
// of its own.
func TestMemfdNoexec(t *testing.T) {
	const level = "PROBE_TEST_NOEXEC"
	if want := os.Getenv(level); want != "" {
		if err := os.WriteFile("/proc/sys/vm/memfd_noexec", []byte(want), 0); err != nil {
			t.Fatal(err)
		}
		create := Ask("memfd.create")
		// At 2 some kernels refuse a file for which nothing was asked, others
		// make it as at 1.
		kinds := map[string][]string{"0": {"executable"}, "1": {"not executable"}, "2": {"not executable", "only with MFD_NOEXEC_SEAL"}}
		if create.Verdict != Yes || !slices.Contains(kinds[want], create.Values[0]) {
			t.Errorf("%+v, want a yes with one of %q", create, kinds[want])
		}
		if want == "2" {
			check(t, "memfd.exec", No, "vm.memfd_noexec")
		} else {
			check(t, "memfd.exec", Yes, "")
		}
		check(t, "memfd.noexec-seal", Yes, "")
		check(t, "memfd.seals", Yes, "")
		return
	}
	testgate.NeedRoot(t)
	need(t, "memfd.noexec-seal", testgate.MemfdNoexec)
	for _, value := range []string{"0", "1", "2"} {
		ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, time.Minute))
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestMemfdNoexec$", "-test.count=1")
		cmd.Env = append(os.Environ(), level+"="+value)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, unix.EPERM) {
			testgate.Skip(t, testgate.Namespaces, err.Error())
		}
		if err != nil {
			t.Errorf("vm.memfd_noexec=%s: %v\n%s", value, err, out)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		err     error
		unknown unix.Errno
		want    Verdict
		words   string
	}{
		{nil, 0, Yes, ""},
		{unix.ENOSYS, 0, No, "Linux 9.9"},
		{unix.EOPNOTSUPP, 0, No, "Linux 9.9"},
		{unix.EINVAL, unix.EINVAL, No, "Linux 9.9"},
		{unix.EINVAL, 0, Inconclusive, "invalid argument"},
		{unix.EPERM, 0, No, "seccomp"},
		{unix.EACCES, unix.EINVAL, No, "seccomp"},
		{unix.ENOMEM, unix.EINVAL, Inconclusive, "cannot allocate"},
		{unix.EMFILE, 0, Inconclusive, "too many"},
		{fmt.Errorf("wrapped: %w", errors.ErrUnsupported), 0, No, "Linux 9.9"},
	} {
		a := judge("call", tc.err, "Linux 9.9", tc.unknown)
		if a.Verdict != tc.want || !strings.Contains(a.Reason+a.Remedy, tc.words) || a.Verdict != Yes && !strings.HasPrefix(a.Reason, "call: ") {
			t.Errorf("%v: %+v", tc.err, a)
		}
	}
}

// A mapping of every page and one of none bracket what PAGEMAP_SCAN may say.
func TestScanSeesWhatIsWritten(t *testing.T) {
	need(t, "pagemap.scan", testgate.PagemapScan)
	withPages(func(b []byte) Answer {
		for i := range b {
			b[i] = 1
		}
		got, err := scan(b, sys.PAGE_IS_PRESENT|sys.PAGE_IS_SWAPPED)
		if err != nil || len(got) != 1 || got[0].End-got[0].Start != uint64(len(b)) {
			t.Errorf("all pages written: %x, %v", got, err)
		}
		return yes()
	})
}
