#include "fs/io_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "arch/user_memory.hpp"

namespace cv6 {

namespace {

std::size_t total(std::span<const IoPiece> pieces) {
  std::size_t sum = 0;
  for (const IoPiece& piece : pieces) sum += piece.size;
  return sum;
}

void* pointer(std::uintptr_t address) { return reinterpret_cast<void*>(address); }

}  // namespace

IoBuffer::IoBuffer(std::span<const IoPiece> pieces) : piece_(pieces.data()), remaining_(total(pieces)) {}
IoBuffer::IoBuffer(std::uintptr_t user_address, std::size_t size) : IoBuffer({user_address, size}, Where::user) {}
IoBuffer::IoBuffer(IoPiece piece, Where where)
    : single_(piece), piece_(&single_), remaining_(piece.size), where_(where) {}

IoBuffer IoBuffer::kernel(std::span<char> bytes) {
  return IoBuffer({reinterpret_cast<std::uintptr_t>(bytes.data()), bytes.size()}, Where::kernel);
}
IoBuffer IoBuffer::kernel(std::span<const char> bytes) {
  return IoBuffer({reinterpret_cast<std::uintptr_t>(bytes.data()), bytes.size()}, Where::kernel);
}

// What does not fit into the current piece: returns how many bytes were moved.
template <class Move>
[[gnu::noinline]] std::size_t IoBuffer::transfer_pieces(std::size_t size, Move move) {
  std::size_t done = 0;
  while (true) {
    const std::size_t wanted = std::min(size - done, piece_->size - piece_offset_);
    const std::size_t left = move(piece_->address + piece_offset_, done, wanted);
    done += wanted - left;
    piece_offset_ += wanted - left;
    if (left != 0 || done == size) return done;
    ++piece_;
    piece_offset_ = 0;
  }
}

// Calls move(address, already done, size) for each run of bytes within one piece; it returns how many it did not move.
template <class Move>
Result<std::size_t> IoBuffer::transfer(std::size_t size, Move move) {
  size = std::min(size, remaining_);
  if (size == 0) return 0;
  std::size_t done;
  if (size <= piece_->size - piece_offset_) [[likely]] {
    done = size - move(piece_->address + piece_offset_, 0, size);
    piece_offset_ += done;
  } else {
    done = transfer_pieces(size, move);
  }
  remaining_ -= done;
  moved_ += done;
  if (done == 0) [[unlikely]] return Error::fault;
  return done;
}

Result<std::size_t> IoBuffer::put(const void* from, std::size_t size) {
  const char* bytes = static_cast<const char*>(from);
  if (where_ == Where::kernel)
    return transfer(size, [&](std::uintptr_t to, std::size_t done, std::size_t count) {
      std::memcpy(pointer(to), bytes + done, count);
      return std::size_t{0};
    });
  return transfer(size, [&](std::uintptr_t to, std::size_t done, std::size_t count) {
    return arch::copy_to_user(to, bytes + done, count);
  });
}

Result<std::size_t> IoBuffer::put_zeros(std::size_t size) {
  if (where_ == Where::kernel)
    return transfer(size, [&](std::uintptr_t to, std::size_t, std::size_t count) {
      std::memset(pointer(to), 0, count);
      return std::size_t{0};
    });
  return transfer(
      size, [&](std::uintptr_t to, std::size_t, std::size_t count) { return arch::clear_user(to, count); });
}

Result<std::size_t> IoBuffer::take(void* to, std::size_t size) {
  char* bytes = static_cast<char*>(to);
  if (where_ == Where::kernel)
    return transfer(size, [&](std::uintptr_t from, std::size_t done, std::size_t count) {
      std::memcpy(bytes + done, pointer(from), count);
      return std::size_t{0};
    });
  return transfer(size, [&](std::uintptr_t from, std::size_t done, std::size_t count) {
    return arch::copy_from_user(bytes + done, from, count);
  });
}

void IoBuffer::limit(std::size_t size) { remaining_ = std::min(remaining_, size); }

void IoBuffer::give_back(std::size_t size) {
  remaining_ += size;
  moved_ -= size;
  while (size) {
    if (piece_offset_ == 0) piece_offset_ = (--piece_)->size;
    const std::size_t step = std::min(size, piece_offset_);
    piece_offset_ -= step;
    size -= step;
  }
}

}  // namespace cv6
