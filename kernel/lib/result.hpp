// Errors are values. Whatever can fail returns `Result<T>`; the caller looks at it or passes it on with TRY:
//
//   Result<Ref<File>> open(...) {
//     Ref<Inode> inode = TRY(walk(...));     // returns from open() with the error, if there is one
//     ...
//     return Error::acces;                   // an error converts to any Result
//   }
//
// The errors are the kernel's own and neutral: each ABI translates them once, at its edge. They bear the names that
// POSIX gave them (errno(3), in lower case), because those are the names everybody knows.
#pragma once

#include <cstdint>
#include <expected>
#include <utility>

namespace cv6 {

enum class Error : std::uint8_t {
  perm, noent, srch, intr, io, nxio, toobig, noexec, badf, child, again, nomem, acces, fault, notblk, busy, exist, xdev,
  nodev, notdir, isdir, inval, nfile, mfile, notty, txtbsy, fbig, nospc, spipe, rofs, mlink, pipe, dom, range, deadlk,
  nametoolong, nolck, nosys, notempty, loop, overflow, opnotsupp, afnosupport, timedout, dquot, nodata, ownerdead,
  notrecoverable, libbad, canceled, notsock, msgsize, prototype, noprotoopt, protonosupport, socktnosupport, addrinuse,
  connreset, isconn, notconn, toomanyrefs, connrefused, nobufs,
  pipe_unsignalled,  // Error::pipe, but not one that SIGPIPE comes with (unix(7): sockets of messages)
  // Never seen by a program. A call that a signal interrupted ends with one of these; on the way back to user space it
  // becomes EINTR or the call is made again (signal(7), "Interruption of system calls"):
  restart_if_asked,   // made again if no handler runs or the handler has SA_RESTART
  restart_unhandled,  // made again only if no handler runs
  restart_timed,      // like restart_unhandled, with the time that is left (restart_syscall(2))
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  constexpr Result(Error error) : std::expected<T, Error>(std::unexpect, error) {}
};

// What TRY needs from an expression: its error, to return it; else its value, moved out.
#define TRY(...)                                                   \
  ({                                                               \
    auto&& try_result = (__VA_ARGS__);                             \
    if (!try_result.has_value()) [[unlikely]] return try_result.error(); \
    *std::move(try_result);                                        \
  })

}  // namespace cv6
