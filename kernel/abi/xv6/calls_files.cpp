// Open files of xv6 programs.
#include <algorithm>
#include <cstring>

#include "abi/listing.hpp"
#include "abi/xv6/arguments.hpp"
#include "abi/xv6/handlers.hpp"
#include "fs/pipe.hpp"
#include "task/user_return.hpp"

namespace cv6::xv6_abi {
namespace {

// Numbers of 16 bits made from larger ones; 0 would mean that there is no entry.
std::uint16_t short_number(std::uint64_t number) {
  const auto folded = static_cast<std::uint16_t>(number ^ number >> 16 ^ number >> 32 ^ number >> 48);
  return folded ? folded : UINT16_MAX;
}

// A directory is a file of entries. Its bytes go to the program until there is no room for more, in the middle of an
// entry as well: the next read goes on there.
class EntrySink final : public DirectorySink {
 public:
  EntrySink(std::uintptr_t to, std::size_t size) : to_(to), entries_(size) {}

  bool entry(std::string_view name, std::uint64_t number, FileType, std::uint64_t) override {
    DirectoryEntry entry{short_number(number), {}};
    std::ranges::copy(name.substr(0, longest_name), entry.name);
    const std::size_t count = std::min(sizeof entry - taken_, entries_.room());
    std::memcpy(entries_.next(), reinterpret_cast<const char*>(&entry) + taken_, count);
    entries_.add(count);
    taken_ = static_cast<std::uint8_t>((taken_ + count) % sizeof entry);
    return count != 0 && taken_ == 0;
  }
  bool deliver(std::uint64_t&) override { return entries_.copy_to(to_) == entries_.size(); }
  std::uint8_t* taken_of_next() override { return &taken_; }

  Result<long> outcome(const Result<void>& listed) const {
    if (!listed && (entries_.size() == 0 || listed.error() == Error::fault)) return listed.error();
    return static_cast<long>(entries_.size());
  }

 private:
  std::uintptr_t to_;
  abi::Listing entries_;
  std::uint8_t taken_ = 0;
};

Result<long> read_entries(File& directory, UserBytes to, std::size_t count) {
  if (!directory.readable()) return Error::badf;
  if (count == 0) return 0;
  EntrySink sink(to.address(), count);
  return sink.outcome(directory.read_directory(sink));
}

// All of it, or the error that came in between: what has been written then has been written.
Result<long> write_all(UserThread& thread, int descriptor, UserBytes from, std::size_t done, std::size_t count) {
  auto file = TRY(thread.process().files().use(descriptor));
  do {
    IoBuffer buffer(from.address() + done, count - done);
    const auto moved = file->write(buffer, largest_file);
    if (moved && *moved == 0 && done < count) return Error::io;
    if (moved) {
      count_write(thread.process(), *moved);
      done += *moved;
      continue;
    }
    if (!is_restart(moved.error()) || done == 0) return moved.error();
    thread.timed_restart = {.again =
                                [](UserThread& again, const TimedRestart& state) {
                                  return write_all(again, static_cast<int>(state.arguments[0]),
                                                   UserBytes(state.arguments[1]), state.arguments[2],
                                                   state.arguments[3]);
                                },
                            .arguments = {static_cast<std::uint64_t>(descriptor), from.address(), done, count}};
    return Error::restart_timed;
  } while (done < count);
  return static_cast<long>(count);
}

std::int16_t kind_of(FileType type) {
  if (type == FileType::directory) return kind_directory;
  return type == FileType::character_device || type == FileType::block_device ? kind_device : kind_file;
}

Result<OpenFlags> open_flags_of(Flags flags) {
  if (!flags.only(open_write_only | open_read_write | open_create)) return Error::inval;
  OpenFlags result = open_flag::no_controlling_tty;
  if (!flags.has(open_write_only)) result |= open_flag::read;
  if (flags.has(open_write_only | open_read_write)) result |= open_flag::write;
  if (flags.has(open_create)) result |= open_flag::create;
  return result;
}

}  // namespace

Result<long> sys_pipe(Context& context, UserPtr<int> ends) {
  TRY(check_memory(context, ends.address(), 2 * sizeof(int)));
  PipeEnds pipe = TRY(make_pipe(0, context.process.credentials(), context.container.memory()));
  DescriptorTable& files = context.process.files();
  int numbers[2];
  TRY(files.add_pair(std::move(pipe.reading), std::move(pipe.writing), CloseOnExec::no, most_open_files, numbers));
  if (const auto written = ends.write_array(numbers); !written) {
    for (const int number : numbers) (void)files.remove(number);
    return written.error();
  }
  return 0;
}

Result<long> sys_read(Context& context, Descriptor descriptor, UserBytes to, int count) {
  auto file = TRY(context.process.files().use(descriptor.number));
  TRY(check_memory(context, to.address(), count));
  const auto size = static_cast<std::size_t>(count);
  if (file->inode().is_directory()) return read_entries(*file, to, size);
  IoBuffer buffer(to.address(), size);
  const std::size_t moved = TRY(file->read(buffer));
  count_read(context.process, moved);
  return static_cast<long>(moved);
}

// A pipe without readers is an error, not a signal; so is the end of what a file may be.
Result<long> sys_write(Context& context, Descriptor descriptor, UserBytes from, int count) {
  TRY(check_memory(context, from.address(), count));
  return write_all(context.thread, descriptor.number, from, 0, static_cast<std::size_t>(count));
}

Result<long> sys_fstat(Context& context, Descriptor descriptor, UserPtr<Stat> result) {
  auto file = TRY(context.process.files().use(descriptor.number));
  TRY(check_memory(context, result.address(), sizeof(Stat)));
  const FileStatus status = file->status();
  if (status.type == FileType::fifo || status.type == FileType::socket) return Error::inval;
  Stat stat{};
  stat.type = kind_of(status.type);
  stat.dev = static_cast<std::int32_t>(status.device);
  stat.ino = short_number(status.number);
  // "." is not counted in xv6.
  stat.nlink =
      static_cast<std::int16_t>(std::min<std::uint32_t>(status.links, INT16_MAX) - (stat.type == kind_directory));
  stat.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(status.size, UINT32_MAX));
  TRY(result.write(stat));
  return 0;
}

Result<long> sys_dup(Context& context, Descriptor descriptor) {
  Ref<File> file = TRY(context.process.files().use(descriptor.number)).ref();
  return TRY(context.process.files().add(std::move(file), CloseOnExec::no, most_open_files));
}

Result<long> sys_open(Context& context, UserString path, Flags flags) {
  const OpenFlags wanted = TRY(open_flags_of(flags));
  NameOf name;
  TRY(name.read(path, flags.has(open_create) ? NameOf::Empty::nothing : NameOf::Empty::working_directory));
  Ref<File> file = TRY(open_file(caller_of(context), name.at(), {wanted, 0777}));
  return TRY(context.process.files().add(std::move(file), CloseOnExec::no, most_open_files));
}

Result<long> sys_close(Context& context, Descriptor descriptor) {
  const Ref<File> closed = TRY(context.process.files().remove(descriptor.number));
  TRY(closed->flush());
  return 0;
}

}  // namespace cv6::xv6_abi
