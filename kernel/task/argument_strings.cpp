#include "task/argument_strings.hpp"

#include <algorithm>
#include <cstring>

#include "arch/user_memory.hpp"

namespace cv6 {

Result<void> ArgumentStrings::charge(std::size_t bytes) {
  if (bytes > limit_ - size_) return Error::toobig;
  return {};
}

Result<std::span<char>> ArgumentStrings::room() {
  const std::size_t at = used_ % chunk_size;
  if (at == 0) {
    Own<char[]> chunk(new (std::nothrow) char[chunk_size]);
    if (!chunk) return Error::nomem;
    TRY(chunks_.push_back(std::move(chunk)));
  }
  return std::span(chunks_.back().get() + at, chunk_size - at);
}

Result<void> ArgumentStrings::add_user_string(std::uintptr_t address) {
  std::size_t length = 0;
  while (true) {
    const std::span<char> space = TRY(room());
    const std::ptrdiff_t copied = arch::copy_string_from_user(space.data(), address + length, space.size());
    if (copied < 0) return Error::fault;
    const bool ended = static_cast<std::size_t>(copied) < space.size();
    const std::size_t taken = static_cast<std::size_t>(copied) + (ended ? 1 : 0);
    length += taken;
    if (length > longest_string) return Error::toobig;
    TRY(charge(taken));
    used_ += taken;
    size_ += taken;
    if (ended) return {};
  }
}

Result<void> ArgumentStrings::add_text(std::string_view text) {
  const std::size_t before = used_;
  if (text.size() >= longest_string) return Error::toobig;
  TRY(charge(text.size() + 1));
  while (!text.empty()) {
    const std::span<char> space = TRY(room());
    const std::size_t piece = std::min(space.size(), text.size());
    std::memcpy(space.data(), text.data(), piece);
    text.remove_prefix(piece);
    used_ += piece;
  }
  TRY(room())[0] = '\0';
  ++used_;
  size_ += used_ - before;
  return {};
}

Result<void> ArgumentStrings::add_user_array(std::uintptr_t array, std::size_t& count) {
  if (array == 0) return {};
  while (true) {
    std::uintptr_t strings[16];
    // Up to the end of the page: beyond the terminating null there may be nothing.
    const std::size_t in_page = (page_size - array % page_size) / sizeof strings[0];
    const std::size_t wanted = std::clamp<std::size_t>(in_page, 1, std::size(strings));
    if (arch::copy_from_user(strings, array, wanted * sizeof strings[0]) != 0) return Error::fault;
    for (std::size_t i = 0; i < wanted; ++i) {
      if (strings[i] == 0) return {};
      if (limit_ < sizeof strings[0]) return Error::toobig;
      limit_ -= sizeof strings[0];
      if (limit_ < size_) return Error::toobig;
      TRY(add_user_string(strings[i]));
      ++count;
    }
    array += wanted * sizeof strings[0];
  }
}

Result<void> ArgumentStrings::add_user_arguments(std::uintptr_t array) {
  TRY(add_user_array(array, argument_count_));
  if (argument_count_ == 0) return add_argument("");
  arguments_size_ = size_;
  return {};
}

Result<void> ArgumentStrings::add_user_argument(std::uintptr_t string) {
  TRY(add_user_string(string));
  ++argument_count_;
  arguments_size_ = size_;
  return {};
}

void ArgumentStrings::drop_environment() {
  used_ -= size_ - arguments_size_;
  size_ = arguments_size_;
  environment_count_ = 0;
}

Result<void> ArgumentStrings::add_user_environment(std::uintptr_t array) {
  return add_user_array(array, environment_count_);
}

Result<void> ArgumentStrings::add_argument(std::string_view text) {
  TRY(add_text(text));
  ++argument_count_;
  arguments_size_ = size_;
  return {};
}

Result<void> ArgumentStrings::add_environment(std::string_view text) {
  TRY(add_text(text));
  ++environment_count_;
  return {};
}

Result<void> ArgumentStrings::replace_first(std::string_view interpreter, std::string_view option,
                                            std::string_view script) {
  Vector<char> fresh;
  std::size_t added = 0;
  for (std::string_view text : {interpreter, option, script}) {
    if (text.empty()) continue;
    TRY(fresh.reserve(fresh.size() + text.size() + 1));
    for (char c : text) (void)fresh.push_back(c);
    (void)fresh.push_back('\0');
    ++added;
  }
  // What was first goes: of the prefix, if there is one, else of the stream.
  std::size_t dropped = 0;
  if (!prefix_.empty()) {
    while (prefix_[dropped++] != '\0') {
    }
    TRY(fresh.reserve(fresh.size() + prefix_.size() - dropped));
    for (std::size_t i = dropped; i < prefix_.size(); ++i) (void)fresh.push_back(prefix_[i]);
  } else if (argument_count_ > 0) {
    while (chunks_[(skip_ + dropped) / chunk_size][(skip_ + dropped) % chunk_size] != '\0') ++dropped;
    skip_ += ++dropped;
  }
  if (argument_count_ > 0) --argument_count_;
  argument_count_ += added;
  const std::size_t grown = fresh.size() - (prefix_.empty() ? 0 : prefix_.size() - dropped);
  if (grown > limit_ - size_) return Error::toobig;
  size_ = size_ - dropped + grown;
  arguments_size_ = arguments_size_ - dropped + grown;
  prefix_ = std::move(fresh);
  return {};
}

Result<void> ArgumentStrings::copy_to_user(std::uintptr_t start, std::span<std::uintptr_t> addresses) const {
  std::uintptr_t at = start;
  std::size_t next = 0;
  bool at_string_start = true;
  auto copy = [&](const char* bytes, std::size_t size) -> Result<void> {
    for (std::size_t i = 0; i < size;) {
      if (at_string_start && next < addresses.size()) addresses[next++] = at + i;
      const void* end = std::memchr(bytes + i, '\0', size - i);
      at_string_start = end != nullptr;
      i = end ? static_cast<std::size_t>(static_cast<const char*>(end) - bytes) + 1 : size;
    }
    if (arch::copy_to_user(at, bytes, size) != 0) return Error::fault;
    at += size;
    return {};
  };
  TRY(copy(prefix_.data(), prefix_.size()));
  for (std::size_t offset = skip_; offset < used_;) {
    const std::size_t size = std::min(chunk_size - offset % chunk_size, used_ - offset);
    TRY(copy(&chunks_[offset / chunk_size][offset % chunk_size], size));
    offset += size;
  }
  return {};
}

}  // namespace cv6
