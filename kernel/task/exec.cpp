#include "task/exec.hpp"

#include "arch/user_memory.hpp"
#include "fs/device.hpp"
#include "task/exit.hpp"
#include "task/interval_timers.hpp"
#include "task/process_tree.hpp"
#include "task/program_image.hpp"
#include "task/install_program.hpp"

namespace cv6 {

namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Set-user-ID and set-group-ID, execve(2): not where another process may change the working directory at any time. Null: the
// credentials stay.
Result<Ref<const Credentials>> credentials_after(const Process& process, const ProgramImage& image) {
  const Path& path = image.executable->path();
  const Inode& inode = path.inode();
  const Credentials& now = process.credentials();
  Identities ids = now.ids();
  const Mode set_group = mode::set_group_id | mode::execute_group;
  const bool alone = process.fs().references() == 1 || now.privileged();
  if (alone && !process.no_new_privileges && !(path.mount && path.mount->flags() & mount_flag::no_set_id)) {
    if (inode.mode() & mode::set_user_id) ids.effective_user = inode.user();
    if ((inode.mode() & set_group) == set_group) ids.effective_group = inode.group();
  }
  ids.saved_user = ids.file_user = ids.effective_user;
  ids.saved_group = ids.file_group = ids.effective_group;
  const Identities& old = now.ids();
  if (ids.saved_user == old.saved_user && ids.effective_user == old.effective_user && ids.file_user == old.file_user &&
      ids.saved_group == old.saved_group && ids.effective_group == old.effective_group && ids.file_group == old.file_group)
    return Ref<const Credentials>();
  return Credentials::create(ids, now.group_set());
}

// The other threads end. Error::restart_if_asked: the process is being ended itself, or another thread does the same.
Result<void> become_only_thread(UserThread& self) {
  Process& process = self.process();
  if (process.single_threaded()) return {};
  {
    SpinGuard guard(process.lock());
    if (process.ending() || process.executing) return Error::restart_if_asked;
    process.executing = &self;
    for (UserThread& thread : process.threads)
      if (&thread != &self) thread.notice_end();
    process.continued.wake_all();
  }
  (void)process.threads_changed.wait([&] { return process.single_threaded() || process.ending(); }, Wait::uninterruptible);
  SpinGuard guard(process.lock());
  process.executing = nullptr;
  if (process.ending()) return Error::restart_if_asked;
  return {};
}

// What the new program gets beside its memory.
struct Prepared {
  Ref<DescriptorTable> files;      // null: the process has its own already
  Ref<SignalHandlers> handlers;    // null: likewise
  Ref<const Credentials> credentials;
  Vector<std::uintptr_t> strings;  // addresses on the new stack
};

// By the only thread: another one might share the table with a new process right after the look at it, or become another user.
Result<Prepared> prepare(Process& process, const ProgramImage& image, const ArgumentStrings& arguments) {
  Prepared prepared;
  if (process.files().references() > 1) prepared.files = TRY(process.files().copy());
  if (process.handlers().references() > 1) prepared.handlers = TRY(process.handlers().copy());
  prepared.credentials = TRY(credentials_after(process, image));
  TRY(prepared.strings.resize(arguments.argument_count() + arguments.environment_count()));
  return prepared;
}

// The old program goes, the new one's parts take their places. Cannot fail. Whoever looks at the process from outside finds
// the old memory with the old credentials, or the new with the new (may_inspect), and never what the old one would close.
void replace_parts(UserThread& thread, ProgramImage& image, Prepared& prepared, bool secure) {
  Process& process = thread.process();
  release_user_memory(thread);
  drop_posix_timers(process);
  DescriptorTable& files = prepared.files ? *prepared.files : process.files();
  files.unshare();
  files.close_marked();
  const std::uint64_t resident = process.address_space().resident_pages();
  if (resident > process.peak_resident_pages) process.peak_resident_pages = resident;
  thread.use_address_space(image.address_space.get());
  Ref<Container> origin;  // the former one goes after the lock: the program is of the container where it is executed
  {
    SpinGuard guard(process.lock());
    Process::Parts& parts = process.parts();
    std::swap(parts.address_space, image.address_space);
    std::swap(parts.executable, image.executable);
    if (prepared.files) std::swap(parts.files, prepared.files);
    if (prepared.handlers) std::swap(parts.handlers, prepared.handlers);
    if (prepared.credentials) std::swap(parts.credentials, prepared.credentials);
    parts.abi = image.abi;
    process.dumpable = !secure;
    std::swap(parts.origin, origin);
  }
  process.handlers().reset();
}

void reset_thread(UserThread& thread, std::string_view name, bool secure) {
  Ref<Pid> number = thread.process().pid();
  if (thread.tid() != number) {
    SpinGuard guard(process_tree_lock);
    thread.exchange_number(number);
  }
  thread.alternate_stack = AlternateStack();
  thread.timed_restart = TimedRestart();
  if (secure) thread.parent_death_signal = 0;
  thread.set_pointers(arch::initial_thread_pointers(arch::CodeWidth::bits_64));
  thread.reset_fpu();
  thread.name.assign(name);
}

void note_ranges(Process& process, const ElfFile& program, std::uintptr_t stack) {
  const ElfPlan& plan = program.plan;
  process.ranges.code_start = plan.code_start + program.bias;
  process.ranges.code_end = plan.code_end + program.bias;
  process.ranges.data_start = plan.data_start + program.bias;
  process.ranges.data_end = plan.data_end + program.bias;
  process.ranges.stack_start = stack;
}

// The strings alone.
Result<void> write_flat_strings(Process& process, const ArgumentStrings& arguments, std::uintptr_t stack_top,
                                std::span<std::uintptr_t> strings, InitialStack& stack) {
  stack.top = stack.arguments_start = stack_top - arguments.size();
  stack.environment_start = stack.environment_end = stack_top;
  process.ranges.arguments_start = stack.arguments_start;
  process.ranges.arguments_end = process.ranges.environment_start = process.ranges.environment_end = stack_top;
  return arguments.copy_to_user(stack.arguments_start, strings);
}

// Strings and random bytes to the new stack, and where they are into `stack`.
Result<void> write_strings(Process& process, const ArgumentStrings& arguments, std::string_view path,
                           std::uintptr_t stack_top, std::span<std::uintptr_t> strings, InitialStack& stack) {
  std::byte random[16];
  random_bytes(random);
  stack.path = stack_top - sizeof(std::uintptr_t) - (path.size() + 1);
  stack.arguments_start = stack.path - arguments.size();
  stack.environment_start = stack.arguments_start + arguments.arguments_size();
  stack.environment_end = stack.path;
  stack.random_bytes = (stack.arguments_start - sizeof random) & ~std::uintptr_t{15};
  stack.top = stack.random_bytes;
  TRY(arguments.copy_to_user(stack.arguments_start, strings));
  if (arch::copy_to_user(stack.path, path.data(), path.size()) != 0) return Error::fault;  // the page is zero behind it
  if (arch::copy_to_user(stack.random_bytes, random, sizeof random) != 0) return Error::fault;
  process.ranges.arguments_start = stack.arguments_start;
  process.ranges.arguments_end = process.ranges.environment_start = stack.environment_start;
  process.ranges.environment_end = stack.environment_end;
  return {};
}

Result<void> fill_stack(UserThread& thread, arch::UserRegisters& registers, const ProgramImage& image,
                        const ArgumentStrings& arguments, std::string_view path, Prepared& prepared, bool secure) {
  Process& process = thread.process();
  TRY(clear_tails(image));
  InitialStack stack;
  if (image.shape == ProgramImage::Shape::flat)
    TRY(write_flat_strings(process, arguments, image.stack_top, prepared.strings, stack));
  else
    TRY(write_strings(process, arguments, path, image.stack_top, prepared.strings, stack));
  const ElfFile& program = *image.program;
  stack.argument_count = arguments.argument_count();
  stack.environment_count = arguments.environment_count();
  stack.strings = prepared.strings;
  stack.program_headers = program.plan.headers_address ? program.plan.headers_address + program.bias : 0;
  stack.program_header_count = program.header.program_header_count;
  stack.entry = program.header.entry + program.bias;
  stack.interpreter_base = image.interpreter ? image.interpreter->bias : 0;
  const Identities& ids = process.credentials().ids();
  stack.user = ids.user;
  stack.effective_user = ids.effective_user;
  stack.group = ids.group;
  stack.effective_group = ids.effective_group;
  stack.secure = secure;
  const std::uintptr_t stack_pointer = TRY(image.abi->build_stack(thread, stack));
  note_ranges(process, program, stack_pointer);
  image.abi->start_program(thread, registers, image.entry(), stack_pointer);
  return {};
}

}  // namespace

Result<ProgramImage> prepare_program(Process& process, const Caller& caller, Ref<File> file, std::string_view path,
                                     ArgumentStrings& arguments) {
  ProgramImage image = TRY(load_program(process.container(), caller, std::move(file), path, arguments));
  // One of xv6's can run any program without arguments, but no environment comes with it.
  if (arguments.argument_count() == 0 && image.shape != ProgramImage::Shape::flat) TRY(arguments.add_argument(""));
  const std::size_t stack_needed = TRY(image.abi->stack_needed(arguments, path));
  TRY(map_program(image, process, stack_needed));
  return image;
}

Result<void> install_program(UserThread& thread, arch::UserRegisters& registers, ProgramImage& image,
                             const ArgumentStrings& arguments, std::string_view path) {
  Process& process = thread.process();
  const bool was_alone = process.single_threaded();
  TRY(become_only_thread(thread));
  Result<Prepared> made = prepare(process, image, arguments);
  if (!made) {
    if (!was_alone) kill_process(process);  // there is no way back to what it was
    return made.error();
  }
  Prepared& prepared = *made;
  // From here on there is no way back at all.
  const Identities before = process.credentials().ids();
  const bool secure = prepared.credentials && (prepared.credentials->ids().effective_user != before.effective_user ||
                                               prepared.credentials->ids().effective_group != before.effective_group);
  replace_parts(thread, image, prepared, secure);
  reset_thread(thread, base_name(path), secure);
  process.exit_signal = signal::child;
  process.has_executed.store(true, std::memory_order_relaxed);
  if (!fill_stack(thread, registers, image, arguments, path, prepared, secure)) kill_process(process);
  return {};
}

Result<void> execute(UserThread& caller, arch::UserRegisters& registers, Ref<File> program, std::string_view path,
                     ArgumentStrings arguments) {
  Process& process = caller.process();
  ProgramImage image = TRY(prepare_program(process, process.caller(), std::move(program), path, arguments));
  return install_program(caller, registers, image, arguments, path);
}

}  // namespace cv6
