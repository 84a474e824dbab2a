// The kernel's errors as Linux numbers them (errno(3); include/uapi/asm-generic/errno-base.h and errno.h). The only
// place where they are translated.
#pragma once

#include <optional>

#include "lib/result.hpp"

namespace cv6::linux_abi {

// What a system call returns for `error`, as a positive number. The restart_* errors become the codes by which the
// return to user mode knows them; a program never sees those.
constexpr int errno_of(Error error) {
  switch (error) {
    case Error::perm: return 1;
    case Error::noent: return 2;
    case Error::srch: return 3;
    case Error::intr: return 4;
    case Error::io: return 5;
    case Error::nxio: return 6;
    case Error::toobig: return 7;
    case Error::noexec: return 8;
    case Error::badf: return 9;
    case Error::child: return 10;
    case Error::again: return 11;
    case Error::nomem: return 12;
    case Error::acces: return 13;
    case Error::fault: return 14;
    case Error::notblk: return 15;
    case Error::busy: return 16;
    case Error::exist: return 17;
    case Error::xdev: return 18;
    case Error::nodev: return 19;
    case Error::notdir: return 20;
    case Error::isdir: return 21;
    case Error::inval: return 22;
    case Error::nfile: return 23;
    case Error::mfile: return 24;
    case Error::notty: return 25;
    case Error::txtbsy: return 26;
    case Error::fbig: return 27;
    case Error::nospc: return 28;
    case Error::spipe: return 29;
    case Error::rofs: return 30;
    case Error::mlink: return 31;
    case Error::pipe:
    case Error::pipe_unsignalled: return 32;
    case Error::dom: return 33;
    case Error::range: return 34;
    case Error::deadlk: return 35;
    case Error::nametoolong: return 36;
    case Error::nolck: return 37;
    case Error::nosys: return 38;
    case Error::notempty: return 39;
    case Error::loop: return 40;
    case Error::nodata: return 61;
    case Error::overflow: return 75;
    case Error::libbad: return 80;
    case Error::notsock: return 88;
    case Error::msgsize: return 90;
    case Error::prototype: return 91;
    case Error::noprotoopt: return 92;
    case Error::protonosupport: return 93;
    case Error::socktnosupport: return 94;
    case Error::opnotsupp: return 95;
    case Error::afnosupport: return 97;
    case Error::addrinuse: return 98;
    case Error::connreset: return 104;
    case Error::nobufs: return 105;
    case Error::isconn: return 106;
    case Error::notconn: return 107;
    case Error::toomanyrefs: return 109;
    case Error::timedout: return 110;
    case Error::connrefused: return 111;
    case Error::dquot: return 122;
    case Error::canceled: return 125;
    case Error::ownerdead: return 130;
    case Error::notrecoverable: return 131;
    case Error::restart_if_asked: return 512;
    case Error::restart_unhandled: return 514;
    case Error::restart_timed: return 516;
  }
  return 38;
}

// The other way. None: the kernel has no such error.
constexpr std::optional<Error> error_of(std::int64_t number) {
  for (auto error = Error::perm; error < Error::restart_if_asked; error = static_cast<Error>(std::to_underlying(error) + 1))
    if (errno_of(error) == number) return error;
  return std::nullopt;
}

}  // namespace cv6::linux_abi
