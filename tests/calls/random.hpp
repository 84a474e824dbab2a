// Numbers that look random and are the same again for the same seed. Without headers: xv6 programs have none of C++'s.
#pragma once

namespace cv6::calls {

// SplitMix64: all its state is one word, so that a process or a thread gets a generator of its own from one number.
class Random {
 public:
  explicit constexpr Random(unsigned long long seed) : state_(seed) {}

  constexpr unsigned long long next() {
    unsigned long long word = state_ += 0x9e37'79b9'7f4a'7c15;
    word = (word ^ word >> 30) * 0xbf58'476d'1ce4'e5b9;
    word = (word ^ word >> 27) * 0x94d0'49bb'1331'11eb;
    return word ^ word >> 31;
  }
  // 0 .. `bound` - 1, for bounds of up to 32 bits.
  constexpr unsigned long below(unsigned long bound) {
    return static_cast<unsigned>(next() >> 32) % static_cast<unsigned>(bound);
  }
  constexpr bool one_in(unsigned chances) { return below(chances) == 0; }
  template <class T, auto size>
  constexpr const T& of(const T (&list)[size]) {
    return list[below(size)];
  }

 private:
  unsigned long long state_;
};

}  // namespace cv6::calls
