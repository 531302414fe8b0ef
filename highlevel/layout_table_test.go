package highlevel

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestTableLayoutExamples(t *testing.T) {
	for _, test := range []struct {
		name string
		c    TableConstraints
		want TableLayout
	}{
		{"rounded up to pages", TableConstraints{9, 1000, 8, 4096}, TableLayout{9, 8192, 9 * 8192, 4096}},
		{"on large pages", TableConstraints{9, 1000, 8, 65536}, TableLayout{9, 65536, 9 * 65536, 65536}},
		{"whole pages stay", TableConstraints{2, 1024, 8, 4096}, TableLayout{2, 8192, 16384, 4096}},
		{"no elements", TableConstraints{2, 0, 8, 4096}, TableLayout{2, 0, 0, 4096}},
		{"no tables", TableConstraints{0, 1, 1, 4096}, TableLayout{0, 4096, 0, 4096}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := NewTableLayout(test.c)
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestTableLayoutErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		c     TableConstraints
		limit uint64
		kind  error
		text  string
	}{
		{"tables", TableConstraints{-1, 1, 1, 4096}, all64, ErrInvalid, "layout: Tables -1: "},
		{"page", TableConstraints{1, 1, 1, 12288}, all64, ErrInvalid, "layout: PageSize 12288: "},
		{"product", TableConstraints{1, 1 << 61, 8, 4096}, all64, ErrAddressSpace, "layout: Elements 2305843009213693952: "},
		{"rounding", TableConstraints{1, all64, 1, 4096}, all64, ErrAddressSpace, "layout: Elements 18446744073709551615: "},
		{"one table on 32 bits", TableConstraints{1, 1 << 29, 8, 4096}, all32, ErrAddressSpace, "layout: Elements 536870912: "},
		{"all tables on 32 bits", TableConstraints{1 << 10, 1 << 20, 8, 4096}, all32, ErrAddressSpace, "layout: Tables 1024: "},
		{"all tables", TableConstraints{math.MaxInt32, 1 << 40, 8, 4096}, all64, ErrAddressSpace, "layout: Tables 2147483647: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := newTableLayout(test.c, test.limit)
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) || got != (TableLayout{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func FuzzTableLayout(f *testing.F) {
	f.Add(9, uint64(1000), uint64(8), uint8(0), all64)
	f.Add(math.MaxInt, all64, all64, uint8(4), all32)
	f.Fuzz(func(t *testing.T, tables int, elements, size uint64, page uint8, limit uint64) {
		c := TableConstraints{tables, elements, size, 4096 << (page % 5)}
		l, err := newTableLayout(c, limit)
		if tables < 0 {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%+v: %v", c, err)
			}
			return
		}
		each := new(big.Int).Mul(new(big.Int).SetUint64(elements), new(big.Int).SetUint64(size))
		p := new(big.Int).SetUint64(c.PageSize)
		each.Add(each, p).Sub(each, big.NewInt(1)).Div(each, p).Mul(each, p)
		total := new(big.Int).Mul(each, big.NewInt(int64(tables)))
		bound := new(big.Int).SetUint64(limit)
		fits := each.Cmp(bound) <= 0 && total.Cmp(bound) <= 0
		switch {
		case fits != (err == nil):
			t.Fatalf("%+v in %d: %v", c, limit, err)
		case err != nil && !errors.Is(err, ErrAddressSpace):
			t.Fatalf("%+v in %d: %v", c, limit, err)
		case err == nil && (each.Uint64() != l.TableBytes || total.Uint64() != l.Total):
			t.Fatalf("%+v: %+v, want tables of %d, %d in all", c, l, each, total)
		}
	})
}
