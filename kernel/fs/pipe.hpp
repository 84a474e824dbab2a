// Pipes and fifos, pipe(7): a bounded stream of bytes from writers to readers.
//
// A pipe is a ring of bytes over pages, which are taken when bytes first arrive in them and charged to the container of
// whoever made it. Writes of at most `pipe_atomic_size` bytes are never interleaved with others.
//
// Locks: bytes are copied by the one reader that holds `reading_` out of the filled part, and by the one writer that holds
// `writing_` into the free part; both are sleeping locks and are not held while waiting for the other side. Where the
// filled part is, and how many readers and writers there are, are single atomic words, so whether to wait is decided
// without any lock. Wake-ups are sent only if somebody waits.
#pragma once

#include "fs/file.hpp"

namespace cv6 {

struct PipeEnds {
  Ref<File> reading;
  Ref<File> writing;
};
inline constexpr std::size_t pipe_atomic_size = 4096;             // PIPE_BUF
inline constexpr std::size_t pipe_default_capacity = 65536;
inline constexpr std::size_t pipe_max_capacity = 1048576;          // /proc/sys/fs/pipe-max-size

// pipe2(2); `flags`: open_flag::nonblock. Error::nomem; Error::inval: packets (open_flag::direct) are not supported.
Result<PipeEnds> make_pipe(OpenFlags flags, const Credentials& credentials, GuestMemory& owner);

// A fifo's end, by fifo(7)'s rules: waits for the other end unless open_flag::nonblock. Error::nxio (writing, nonblocking,
// nobody reads), restart_if_asked.
Result<Ref<File>> open_fifo(Inode& inode, OpenFlags flags);

// fcntl F_GETPIPE_SZ, F_SETPIPE_SZ. Error::badf: not a pipe; Error::busy: it holds more than that; Error::perm: more than
// pipe_max_capacity without privilege, or a pipe that the caller's container, which has `memory`, does not pay for;
// Error::inval, Error::nomem.
Result<std::size_t> pipe_capacity(const File& file);
Result<std::size_t> set_pipe_capacity(File& file, std::size_t bytes, const Credentials& credentials, const GuestMemory& memory);

}  // namespace cv6
