// open(2)'s flags between Linux' numbers and the kernel's names (asm-generic/fcntl.h).
#pragma once

#include "abi/context.hpp"
#include "fs/types.hpp"
#include "lib/result.hpp"
#include "task/descriptor_table.hpp"

namespace cv6::linux_abi {

inline constexpr unsigned o_accmode = 03, o_wronly = 01, o_rdwr = 02;
inline constexpr unsigned o_creat = 0100, o_excl = 0200, o_noctty = 0400, o_trunc = 01000, o_append = 02000;
inline constexpr unsigned o_nonblock = 04000, o_dsync = 010000, o_async = 020000, o_direct = 040000, o_largefile = 0100000;
inline constexpr unsigned o_directory = 0200000, o_nofollow = 0400000, o_noatime = 01000000, o_cloexec = 02000000;
inline constexpr unsigned o_sync = 04010000, o_path = 010000000, o_tmpfile = 020000000;
inline constexpr unsigned o_known = o_accmode | o_creat | o_excl | o_noctty | o_trunc | o_append | o_nonblock | o_dsync |
                                    o_async | o_direct | o_largefile | o_directory | o_nofollow | o_noatime | o_cloexec |
                                    o_sync | o_path | o_tmpfile;

struct OpenFlagPair {
  unsigned linux_bits;
  OpenFlags kernel;
};
inline constexpr OpenFlagPair open_flag_pairs[] = {
    {o_creat, open_flag::create},       {o_excl, open_flag::exclusive},       {o_noctty, open_flag::no_controlling_tty},
    {o_trunc, open_flag::truncate},     {o_append, open_flag::append},        {o_nonblock, open_flag::nonblock},
    {o_dsync, open_flag::data_sync},    {o_async, open_flag::async},          {o_direct, open_flag::direct},
    {o_largefile, open_flag::large_file}, {o_directory, open_flag::directory}, {o_nofollow, open_flag::no_follow},
    {o_noatime, open_flag::no_access_time}, {o_sync, open_flag::sync | open_flag::data_sync},
    {o_path, open_flag::path_only},     {o_tmpfile | o_directory, open_flag::temporary | open_flag::directory},
};

// Error::inval for combinations that open(2) refuses. Bits that Linux does not know are ignored, as it ignores them. It
// is part of every open: as a call with a loop it costs more.
[[gnu::always_inline]] constexpr Result<OpenFlags> open_flags_from_linux(unsigned bits) {
  // O_PATH: everything else means nothing then.
  if (bits & o_path) bits &= o_path | o_directory | o_nofollow | o_cloexec;
  const unsigned access = bits & o_accmode;
  OpenFlags flags = open_flag::large_file;
  // Access mode 3 asks for the right to read and write, and gives neither: for ioctl only.
  if (!(bits & o_path)) flags |= access == o_wronly ? open_flag::write : access == o_rdwr ? open_flag::read | open_flag::write
                                 : access == 0 ? open_flag::read : 0;
  for (const auto& pair : open_flag_pairs)
    if ((bits & pair.linux_bits) == pair.linux_bits) flags |= pair.kernel;
  if (bits & o_tmpfile) {
    if (!(bits & o_directory) || !(flags & open_flag::write) || (bits & o_creat)) return Error::inval;
  } else if ((bits & (o_creat | o_directory)) == (o_creat | o_directory)) {
    return Error::inval;
  }
  return flags;
}

// O_CLOEXEC belongs to the descriptor, not to the open file.
constexpr CloseOnExec close_on_exec_of(unsigned open_bits) {
  return open_bits & o_cloexec ? CloseOnExec::yes : CloseOnExec::no;
}

// O_NONBLOCK of calls that make a file of their own kind.
constexpr OpenFlags nonblock_of(unsigned open_bits) { return open_bits & o_nonblock ? open_flag::nonblock : OpenFlags{0}; }

// The descriptor of what `open` opens. Whoever may make a file or empty one has the number first: where there is none, nothing
// must have happened to the file.
template <class Open>
Result<long> open_descriptor(Context& context, unsigned bits, Open open) {
  DescriptorTable& files = context.process.files();
  const std::uint64_t limit = context.process.open_files_limit();
  const CloseOnExec close_on_exec = close_on_exec_of(bits);
  if (!(bits & (o_creat | o_trunc))) return TRY(files.add(TRY(open()), close_on_exec, limit));
  auto reservation = TRY(files.reserve_number(limit));
  return reservation.fill(TRY(open()), close_on_exec);
}

// What fcntl(F_GETFL) reports.
constexpr unsigned open_flags_to_linux(OpenFlags flags) {
  unsigned bits = 0;
  if (flags & open_flag::write) bits = flags & open_flag::read ? o_rdwr : o_wronly;
  for (const auto& pair : open_flag_pairs)
    if ((pair.kernel & ~open_flag::kept) == 0 && (flags & pair.kernel) == pair.kernel) bits |= pair.linux_bits;
  return bits;
}

}  // namespace cv6::linux_abi
