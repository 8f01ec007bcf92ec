package activity

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// set is a set of numbers. It is kept as it was written until somebody adds to
// it: most are only counted.
type set struct {
	written []byte   // as appendTo writes it; nil: nums holds
	nums    []uint32 // sorted
}

// Sets are written as bits where there are many numbers, as steps where there
// are few.
const (
	setSteps = 0
	setBits  = 1
)

func (s *set) add(n uint32) {
	s.open()
	if at, ok := slices.BinarySearch(s.nums, n); !ok {
		s.nums = slices.Insert(s.nums, at, n)
	}
}

// open has nums hold.
func (s *set) open() {
	if s.written == nil {
		return
	}
	s.nums, s.written = s.all(), nil
}

// all are the numbers.
func (s *set) all() []uint32 {
	if s.written == nil {
		return s.nums
	}
	var nums []uint32
	r := reader{b: s.written[1:]}
	if s.written[0] == setBits {
		low := uint32(r.num())
		for i, b := range r.bytes() {
			for ; b != 0; b &= b - 1 {
				nums = append(nums, low+uint32(i)*8+uint32(bits.TrailingZeros8(b)))
			}
		}
		return nums
	}
	last := uint32(0)
	for range r.count() {
		last += uint32(r.num())
		nums = append(nums, last)
	}
	return nums
}

func (s *set) len() (n int) {
	if s.written == nil {
		return len(s.nums)
	}
	r := reader{b: s.written[1:]}
	if s.written[0] != setBits {
		return r.count()
	}
	r.num()
	b := r.bytes()
	for ; len(b) >= 8; b = b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
	}
	for _, one := range b {
		n += bits.OnesCount8(one)
	}
	return n
}

func (s *set) appendTo(b []byte) []byte {
	if s.written != nil {
		return append(b, s.written...)
	}
	if len(s.nums) > 0 {
		low, high := s.nums[0], s.nums[len(s.nums)-1]
		if size := int(high-low)/8 + 1; size < len(s.nums) {
			all := make([]byte, size)
			for _, n := range s.nums {
				all[(n-low)/8] |= 1 << ((n - low) % 8)
			}
			return appendBytes(binary.AppendUvarint(append(b, setBits), uint64(low)), all)
		}
	}
	b = binary.AppendUvarint(append(b, setSteps), uint64(len(s.nums)))
	last := uint32(0)
	for _, n := range s.nums {
		b = binary.AppendUvarint(b, uint64(n-last))
		last = n
	}
	return b
}

// set reads a set as it was written.
func (r *reader) set() set {
	whole := r.b
	switch r.fixed(1)[0] {
	case setBits:
		r.num()
		r.bytes()
	case setSteps:
		for range r.count() {
			r.num()
		}
	default:
		r.fail()
	}
	if r.err != nil {
		return set{}
	}
	return set{written: whole[:len(whole)-len(r.b)]}
}
