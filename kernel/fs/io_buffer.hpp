// Where the bytes of a read go or those of a write come from: a list of pieces of user memory (readv(2)) or of kernel
// memory (exec, sendfile, proc), with a position that moves on as bytes are moved.
//
// User memory may fault, and so block: no spin lock may be held while bytes are moved. A bad address ends the transfer;
// what was moved before counts: moved() says how much, and Error::fault is returned only when a call moved nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/result.hpp"

namespace cv6 {

// One piece, as struct iovec has it.
struct IoPiece {
  std::uintptr_t address = 0;
  std::size_t size = 0;
};

class IoBuffer {
 public:
  // User memory. Pieces must be user ranges whose sizes sum up to at most SSIZE_MAX (the ABI has checked); `pieces` must
  // outlive the buffer.
  explicit IoBuffer(std::span<const IoPiece> pieces);
  IoBuffer(std::uintptr_t user_address, std::size_t size);
  // Kernel memory.
  static IoBuffer kernel(std::span<char> bytes);
  static IoBuffer kernel(std::span<const char> bytes);  // only to take from
  IoBuffer(const IoBuffer& other) = delete;
  IoBuffer& operator=(const IoBuffer&) = delete;

  std::size_t remaining() const { return remaining_; }
  std::size_t moved() const { return moved_; }
  bool empty() const { return remaining_ == 0; }

  // A read's bytes: copies min(size, remaining()) into the buffer; returns how many got there. Error::fault.
  Result<std::size_t> put(const void* from, std::size_t size);
  Result<std::size_t> put_zeros(std::size_t size);
  // A write's bytes: copies min(size, remaining()) out of it. Error::fault.
  Result<std::size_t> take(void* to, std::size_t size);
  // Ends the buffer after `size` more bytes.
  void limit(std::size_t size);
  // Puts the position back by `size` bytes that the last take() or put() moved (within one piece list).
  void give_back(std::size_t size);

 private:
  enum class Where : std::uint8_t { user, kernel };
  IoBuffer(IoPiece piece, Where where);
  template <class Move>
  Result<std::size_t> transfer(std::size_t size, Move move);
  template <class Move>
  std::size_t transfer_pieces(std::size_t size, Move move);

  IoPiece single_;
  const IoPiece* piece_;         // the current one
  std::size_t piece_offset_ = 0;
  std::size_t remaining_ = 0;
  std::size_t moved_ = 0;
  Where where_ = Where::user;
};

}  // namespace cv6
