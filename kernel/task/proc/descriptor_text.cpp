#include "task/proc/descriptor_text.hpp"

namespace cv6::proc {

namespace {

// As open(2)'s flags are numbered on x86-64 Linux (asm-generic/fcntl.h).
unsigned linux_flags(const DescriptorFacts& facts) {
  struct Pair {
    OpenFlags flag;
    unsigned bits;
  };
  static constexpr Pair pairs[] = {
      {open_flag::append, 02000},      {open_flag::nonblock, 04000},      {open_flag::data_sync, 010000},
      {open_flag::async, 020000},      {open_flag::direct, 040000},       {open_flag::large_file, 0100000},
      {open_flag::directory, 0200000}, {open_flag::no_follow, 0400000},   {open_flag::no_access_time, 01000000},
      {open_flag::sync, 04010000},     {open_flag::path_only, 010000000}, {open_flag::temporary, 020200000},
  };
  unsigned bits = facts.flags & open_flag::write ? (facts.flags & open_flag::read ? 02 : 01) : 0;
  for (const Pair& pair : pairs)
    if (facts.flags & pair.flag) bits |= pair.bits;
  constexpr unsigned close_on_exec = 02000000;
  return facts.close_on_exec ? bits | close_on_exec : bits;
}

}  // namespace

void print_descriptor(Output& out, const DescriptorFacts& facts) {
  print(out, "pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n", facts.position, linux_flags(facts), facts.mount,
        facts.inode);
}

}  // namespace cv6::proc
