// The pieces of an iovec, copied from the program and checked: readv(2).
#pragma once

#include <algorithm>

#include "abi/linux/types_files.hpp"
#include "abi/support.hpp"
#include "fs/io_buffer.hpp"

namespace cv6::linux_abi {

class Pieces {
 public:
  Result<std::span<const IoPiece>> read(UserPtr<Iovec> vector, long count) {
    static_assert(sizeof(Iovec) == sizeof(IoPiece) && offsetof(Iovec, iov_len) == offsetof(IoPiece, size));
    if (count < 0 || count > static_cast<long>(iov_max)) return Error::inval;
    std::span<IoPiece> pieces(few_, static_cast<std::size_t>(count));
    if (pieces.size() > std::size(few_)) {
      TRY(many_.resize(pieces.size()));
      pieces = many_;
    }
    if (arch::copy_from_user(pieces.data(), vector.address(), pieces.size_bytes()) != 0) return Error::fault;
    std::size_t room = abi::max_transfer;
    for (IoPiece& piece : pieces) {
      if (piece.size > PTRDIFF_MAX) return Error::inval;
      if (!arch::is_user_range(piece.address, piece.size)) return Error::fault;
      piece.size = std::min(piece.size, room);
      room -= piece.size;
    }
    return pieces;
  }

 private:
  IoPiece few_[8];
  Vector<IoPiece> many_;
};

}  // namespace cv6::linux_abi
