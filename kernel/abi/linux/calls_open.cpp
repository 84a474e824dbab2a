// Open files as numbers: open(2), close(2), close_range(2), dup(2), pipe(2), memfd_create(2).
#include "abi/linux/handlers.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/support.hpp"
#include "fs/pipe.hpp"

namespace cv6::linux_abi {
namespace {

Result<long> open_at(Context& context, Descriptor directory, UserString path, unsigned bits, unsigned mode) {
  NameArgument name;
  TRY(name.read(context, directory, path));
  const OpenRequest request{TRY(open_flags_from_linux(bits)), mode & mode::all};
  return open_descriptor(context, bits, [&] { return open_file(caller_of(context), name.at(), request); });
}

Result<long> make_pipe_descriptors(Context& context, UserPtr<int> ends, unsigned bits) {
  if (bits & ~(o_cloexec | o_nonblock | o_direct)) return Error::inval;
  const OpenFlags flags = (bits & o_nonblock ? open_flag::nonblock : 0) | (bits & o_direct ? open_flag::direct : 0);
  PipeEnds pipe = TRY(make_pipe(flags, context.process.credentials(), context.container.memory()));
  return give_pair(context, std::move(pipe.reading), std::move(pipe.writing), close_on_exec_of(bits), ends);
}

}  // namespace

Result<long> give_pair(Context& context, Ref<File> first, Ref<File> second, CloseOnExec close_on_exec, UserPtr<int> ends) {
  DescriptorTable& files = context.process.files();
  int numbers[2];
  TRY(files.add_pair(std::move(first), std::move(second), close_on_exec, context.process.open_files_limit(), numbers));
  if (const auto written = ends.write_array(numbers); !written) {
    for (const int number : numbers) (void)files.remove(number);
    return written.error();
  }
  return 0;
}

Result<long> sys_open(Context& context, UserString path, Flags flags, FileMode mode) {
  return open_at(context, working_directory, path, flags.bits, mode.bits);
}

Result<long> sys_openat(Context& context, Descriptor directory, UserString path, Flags flags, FileMode mode) {
  return open_at(context, directory, path, flags.bits, mode.bits);
}

Result<long> sys_creat(Context& context, UserString path, FileMode mode) {
  return open_at(context, working_directory, path, o_creat | o_wronly | o_trunc, mode.bits);
}

Result<long> sys_close(Context& context, Descriptor file) {
  const Ref<File> closed = TRY(context.process.files().remove(file.number));
  TRY(closed->flush());
  return 0;
}

Result<long> sys_close_range(Context& context, unsigned first, unsigned last, Flags flags) {
  constexpr unsigned unshare = 2, cloexec = 4;
  if (!flags.only(unshare | cloexec) || first > last) return Error::inval;
  DescriptorTable& files = context.process.files();
  // A table that nobody else has is as good as unshared.
  if (flags.has(unshare) && files.references() > 1) return Error::inval;
  files.close_range(first, last, flags.has(cloexec) ? DescriptorTable::CloseRange::mark : DescriptorTable::CloseRange::close);
  return 0;
}

Result<long> sys_dup(Context& context, Descriptor descriptor) {
  Ref<File> file = TRY(context.process.files().use(descriptor.number)).ref();
  return TRY(context.process.files().add(std::move(file), CloseOnExec::no, context.process.open_files_limit()));
}

Result<long> sys_dup2(Context& context, Descriptor descriptor, Descriptor as) {
  Ref<File> file = TRY(context.process.files().use(descriptor.number)).ref();
  if (descriptor.number == as.number) return as.number;
  TRY(context.process.files().put(as.number, std::move(file), CloseOnExec::no, context.process.open_files_limit()));
  return as.number;
}

Result<long> sys_dup3(Context& context, Descriptor descriptor, Descriptor as, Flags flags) {
  if (!flags.only(o_cloexec) || descriptor.number == as.number) return Error::inval;
  Ref<File> file = TRY(context.process.files().use(descriptor.number)).ref();
  TRY(context.process.files().put(as.number, std::move(file), close_on_exec_of(flags.bits),
                                  context.process.open_files_limit()));
  return as.number;
}

Result<long> sys_pipe(Context& context, UserPtr<int> ends) { return make_pipe_descriptors(context, ends, 0); }

Result<long> sys_pipe2(Context& context, UserPtr<int> ends, Flags flags) {
  return make_pipe_descriptors(context, ends, flags.bits);
}

// Seals are not offered, so a file that may be sealed is not either.
Result<long> sys_memfd_create(Context& context, UserString name_pointer, Flags flags) {
  constexpr unsigned mfd_cloexec = 1;
  constexpr std::size_t longest_name = 249;
  if (!flags.only(mfd_cloexec)) return Error::inval;
  PathBuffer buffer;
  const std::string_view name = TRY(name_pointer.read(buffer));
  if (name.size() > longest_name) return Error::inval;
  Ref<File> file = TRY(make_memory_file(caller_of(context), name, context.container.memory()));
  return TRY(context.process.files().add(std::move(file), flags.has(mfd_cloexec) ? CloseOnExec::yes : CloseOnExec::no,
                                         context.process.open_files_limit()));
}

}  // namespace cv6::linux_abi
