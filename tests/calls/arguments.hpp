// Arguments for system calls: sensible ones, and ones that no sensible program would give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "random.hpp"
#include "shapes.hpp"

namespace cv6::calls {

inline constexpr std::size_t page_size = 4096;

// The memory that arguments point to, at the same place in each process: calls unmap it, protect it and write to it as they
// please. Pages that can be written, then some that can only be read, none at all, some of a shared file, and then nothing.
struct Arena {
  static constexpr std::uintptr_t start = 0x2000'0000'0000;
  static constexpr std::size_t pages = 96, writable = 48, readable = 56, forbidden = 64, shared = 80;
  static void map();
};

// What one thread builds structures in. Arguments rarely name it otherwise, so that the thread lives on.
class Scratch {
 public:
  static constexpr std::size_t size = 2 * page_size;
  explicit Scratch(std::byte* memory) : memory_(memory) {}
  // So many bytes, somewhere: at times the last before the end of the memory.
  std::byte* take(std::size_t bytes, Random& random);

 private:
  std::byte* memory_;
};

class Arguments {
 public:
  Arguments(Random& random, Scratch scratch) : random_(random), scratch_(scratch) {}

  // The arguments of one call, all six.
  struct Values {
    long at[6];
  };
  Values make(const Shape& shape);

 private:
  // a page    b memory   c, l a length   d descriptor   e container    f file system   h seek       i process   m mode
  // n length in pages    o offset        p a name       q a few bits   r resource      s signal     t a time
  // u user    v pieces of memory         w, N small     x anything     z a structure's size         8 itself
  // A at-flags  C clone flags  D directory  F fcntl  H handler  I ioctl  K clock  M mapping  O open  R protection
  // S the call's structure     V an array of names  W wait  X futex
  // of sockets: B flags of a message  g family  G control data, P its size  J option  L address, y its size  T type
  long one(char letter, const Shape& shape);
  long number(char letter);
  long flags(char letter);
  long wild();
  long address();
  long name();
  long structure(std::string_view fields);
  long names();
  long socket_address();
  long control_data();

  Random& random_;
  Scratch scratch_;
};

}  // namespace cv6::calls
