// What handlers of several areas need: who calls, names relative to a directory, transfer sizes.
#pragma once

#include <optional>

#include "abi/context.hpp"
#include "abi/decode.hpp"
#include "fs/context.hpp"
#include "fs/operations.hpp"

namespace cv6::abi {

// One call moves at most this many bytes (read(2), NOTES).
inline constexpr std::size_t max_transfer = 0x7ffff000;

inline Caller caller_of(const Context& context) { return {context.process.fs(), context.process.credentials()}; }
inline Context context_of(UserThread& thread) {
  return {thread, thread.process(), thread.process().container(), thread.user_registers(), 0};
}
inline std::uint64_t file_size_limit(const Context& context) { return context.process.limits[Resource::file_size].soft; }

// What /proc/PID/io shows. Only the process's own threads count there; an increment that two of them lose is worth no
// locked instruction.
inline void count_transfer(std::atomic<std::uint64_t>& bytes, std::atomic<std::uint64_t>& calls, std::size_t moved) {
  bytes.store(bytes.load(std::memory_order_relaxed) + moved, std::memory_order_relaxed);
  calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
inline void count_read(Process& process, std::size_t moved) {
  count_transfer(process.bytes_read, process.read_calls, moved);
}
inline void count_write(Process& process, std::size_t moved) {
  count_transfer(process.bytes_written, process.write_calls, moved);
}

inline constexpr Descriptor working_directory{-100};  // AT_FDCWD

// The pair (directory descriptor, path) of the *at() calls, copied from the program and held while the call uses it.
class NameArgument {
 public:
  NameArgument() = default;
  NameArgument(const NameArgument&) = delete;
  NameArgument& operator=(const NameArgument&) = delete;

  // Error::badf: relative to a descriptor that is not open; Error::fault, Error::nametoolong.
  Result<void> read(const Context& context, Descriptor directory, UserString path) {
    at_.name = TRY(path.read(buffer_));
    return set_directory(context, directory);
  }
  // A path relative to the working directory.
  Result<void> read(UserString path) {
    at_.name = TRY(path.read(buffer_));
    return {};
  }
  // No path at all: the descriptor's own file.
  Result<void> use_file(const Context& context, Descriptor file) { return set_directory(context, file); }

  const At& at() const { return at_; }

 private:
  Result<void> set_directory(const Context& context, Descriptor directory) {
    if (directory.number == working_directory.number || at_.name.starts_with('/')) return {};
    directory_.emplace(TRY(context.process.files().use(directory.number)));
    at_.directory = directory_->get();
    return {};
  }

  PathBuffer buffer_;
  std::optional<DescriptorTable::Use> directory_;
  At at_;
};

}  // namespace cv6::abi
