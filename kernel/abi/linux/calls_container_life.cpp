// cv6's own calls about the life of containers: their consoles, their ends, names and notes, what they have open.
#include <algorithm>

#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "container/console_file.hpp"
#include "fs/operations.hpp"
#include "lib/format.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {
namespace {

using Open = ContainerConsoleOpen;

// Where the container has the names of its terminals; one without /dev/pts gets a place for them that has no name itself.
Result<Path> names_of_terminals(const Caller& caller) {
  const auto names = resolve(caller, {nullptr, "/dev/pts"}, Follow::yes);
  if (names && devpts::is_instance(names->inode().file_system())) return *names;
  Ref<Dentry> root = TRY(devpts::create());
  Ref<Mount> mount = TRY(Mount::create_outside(root, "devpts"));
  return Path{std::move(mount), std::move(root)};
}

Result<Ref<File>> make_terminal(Container& container) {
  const Path root = container.root();
  if (!root) return Error::srch;
  const Ref<FsContext> fs = TRY(FsContext::create(root, root));
  const Caller caller{*fs, Credentials::root()};
  const Path names = TRY(names_of_terminals(caller));
  const Ref<Pty> pty = TRY(container.console().make_terminal(names.inode().file_system(), container.memory()));
  return open_slave(*pty, names, caller, open_flag::read | open_flag::write | open_flag::no_controlling_tty);
}

Result<Ref<File>> open_console(Context& context, Ref<Container> container, const Open& wanted) {
  const Credentials& opener = context.process.credentials();
  if (wanted.flags & (Open::write_output | Open::write_error)) {
    const auto stream = wanted.flags & Open::write_output ? ContainerConsole::Stream::output : ContainerConsole::Stream::error;
    if (wanted.flags != Open::write_output && wanted.flags != Open::write_error) return Error::inval;
    Ref<File> forward;
    if (wanted.forward >= 0) forward = TRY(context.process.files().get(wanted.forward));
    if (forward && !forward->writable()) return Error::badf;
    return open_console_output(std::move(container), stream, std::move(forward), opener);
  }
  if (wanted.flags & Open::make_terminal) return wanted.flags == Open::make_terminal ? make_terminal(*container) : Error::inval;
  ConsoleView view;
  if (wanted.flags & Open::terminal) view.use = ConsoleView::Use::typing;
  if (wanted.flags & Open::follow) view.at_end = ConsoleView::AtEnd::follow;
  if (wanted.flags & Open::new_only) view.from = ConsoleView::From::now;
  return open_console_log(std::move(container), view, wanted.flags & Open::nonblock ? open_flag::nonblock : 0, opener);
}

}  // namespace

Result<long> sys_open_container_console(Context& context, UserPtr<ContainerConsoleOpen> pointer, std::size_t size) {
  const Open wanted = TRY(read_extensible(pointer, size, sizeof(Open)));
  if (wanted.flags & ~Open::all) return Error::inval;
  Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  Ref<File> file = TRY(open_console(context, std::move(container), wanted));
  return TRY(context.process.files().add(std::move(file), CloseOnExec::yes, context.process.open_files_limit()));
}

// Until nobody is inside. The last first process's status word.
Result<long> sys_wait_container(Context& context, int id) {
  const Ref<Container> container = TRY(find_container(context, id));
  if (!container->became_empty().wait([&] { return container->process_count() == 0; })) return Error::restart_if_asked;
  return container->life().status;
}

Result<long> sys_rename_container(Context& context, int id, UserString name) {
  const Ref<Container> container = TRY(find_to_manage(context, id));
  PathBuffer buffer;
  TRY(ContainerManager::rename(*container, TRY(name.read(buffer))));
  return 0;
}

Result<long> sys_container_annotation(Context& context, UserPtr<ContainerAnnotation> pointer, std::size_t size) {
  const ContainerAnnotation wanted = TRY(read_extensible(pointer, size, sizeof(ContainerAnnotation)));
  const Ref<Container> container = TRY(find_container(context, wanted.id));
  const UserPtr<char> text(wanted.text);
  if (wanted.operation == ContainerAnnotation::get) {
    const String note = TRY(container->annotation());
    const std::size_t count = std::min<std::size_t>(note.size(), wanted.size);
    TRY(text.write_array({note.c_str(), count}));
    return static_cast<long>(note.size());
  }
  if (wanted.operation != ContainerAnnotation::set || wanted.size > Container::longest_annotation) return Error::inval;
  TRY(check_may_manage(context));
  Vector<char> note;
  TRY(note.resize(wanted.size));
  TRY(text.read_array({note.data(), note.size()}));
  TRY(container->annotate({note.data(), note.size()}));
  return static_cast<long>(wanted.size);
}

namespace {

// The file's name as the process sees it, which has it open; or what kind of thing it is. Cut where there is no room.
void write_name(Process& process, const File& file, std::span<char> to) {
  Own<char[]> buffer(new (std::nothrow) char[path_max]);
  BufferOutput out(to.first(to.size() - 1));
  const Path root = process.hold_root();
  if (!file.path() || !root || !buffer) return file.describe(out);
  const auto text = path_text(file.path(), root, {buffer.get(), path_max});
  if (text) out.write(text->text);
}

// Its first open descriptor after `after`. False: none.
bool describe_next(Process& process, int after, ContainerDescriptor& answer) {
  Ref<File> file;
  answer.descriptor = after;
  (void)process.with_files([&](DescriptorTable& files) {
    while (!file && (answer.descriptor = files.next(static_cast<unsigned>(answer.descriptor) + 1)) >= 0)
      if (auto found = files.get(answer.descriptor)) file = std::move(*found);  // else: it was closed just now
    answer.container_descriptor = static_cast<std::int32_t>(files.container_number(answer.descriptor));
  });
  if (!file) return false;
  answer.readable = file->readable();
  answer.writable = file->writable();
  answer.position = file->position();
  write_name(process, *file, answer.name);
  return true;
}

}  // namespace

Result<long> sys_container_descriptor(Context& context, UserPtr<ContainerDescriptor> pointer, std::size_t size) {
  const ContainerDescriptor wanted = TRY(read_extensible(pointer, size, sizeof(ContainerDescriptor)));
  const Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  int after = wanted.descriptor;
  for (int at = std::max(wanted.process, 1) - 1; Ref<Process> process = next_process(context.container, at); after = -1) {
    if (process->hold_container() != container) continue;
    ContainerDescriptor answer{};
    answer.id = wanted.id;
    answer.process = at;
    if (!describe_next(*process, at == wanted.process ? after : -1, answer)) continue;
    TRY(pointer.write(answer));
    return 0;
  }
  return Error::srch;
}

}  // namespace cv6::linux_abi
