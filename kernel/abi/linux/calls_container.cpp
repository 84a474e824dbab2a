// cv6's own calls: containers made, entered, left, ended and looked at by programs (user/include/cv6/container.hpp).
//
// Who may: a privileged process of the host, or of a container that was made with that right, for what is below it.
#include <algorithm>

#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "task/container_operations.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {

namespace {

Result<std::string_view> read_optional(std::uint64_t address, PathBuffer& buffer) {
  if (!address) return std::string_view();
  return UserString(address).read(buffer);
}

Result<Path> find_root(Context& context, UserString path) {
  abi::NameArgument name;
  TRY(name.read(path));
  Path root = TRY(resolve(abi::caller_of(context), name.at(), Follow::yes));
  TRY(check_directory(abi::caller_of(context), root));
  return root;
}

Result<Vector<SpawnRequest::Passed>> read_descriptors(std::uint64_t address, std::uint64_t count) {
  constexpr std::uint64_t most = 1024;
  if (count > most) return Error::inval;
  Vector<SpawnRequest::Passed> passed;
  for (std::uint64_t i = 0; i < count; ++i) {
    const PassedDescriptor one = TRY((UserPtr<PassedDescriptor>(address) + i).read());
    TRY(passed.push_back({one.from, one.to}));
  }
  return passed;
}

Result<SpawnRequest::Place> place_of(std::uint32_t flags) {
  switch (flags) {
    case 0: return SpawnRequest::Place::background_group;
    case ContainerSpawn::foreground: return SpawnRequest::Place::foreground_group;
    case ContainerSpawn::foreground | ContainerSpawn::new_session: return SpawnRequest::Place::terminal_session;
    case ContainerSpawn::new_session: return SpawnRequest::Place::new_session;
    default: return Error::inval;
  }
}

Result<Ref<const Credentials>> credentials_of(const ContainerSpawn& wanted) {
  if (wanted.user == 0 && wanted.group == 0) return Ref<const Credentials>(&Credentials::root());
  Identities ids;
  ids.user = ids.effective_user = ids.saved_user = ids.file_user = wanted.user;
  ids.group = ids.effective_group = ids.saved_group = ids.file_group = wanted.group;
  return Credentials::create(ids, {});
}

Result<Ref<Container>> find_for_stat(Context& context, const ContainerStat& wanted) {
  Ref<Container> found;
  switch (wanted.which) {
    case ContainerStat::by_id: found = ContainerManager::find(context.container, wanted.id); break;
    case ContainerStat::next_after_id: found = ContainerManager::next(context.container, wanted.id); break;
    case ContainerStat::by_name: {
      const std::string_view field(wanted.name, sizeof wanted.name);
      if (!field.contains('\0')) return Error::inval;
      found = ContainerManager::find(context.container, std::string_view(wanted.name));
      break;
    }
    default: return Error::inval;
  }
  if (!found) return Error::srch;
  return found;
}

void copy_text(char (&to)[ContainerStat::text_size], std::string_view text) {
  std::memcpy(to, text.data(), std::min(text.size(), sizeof to - 1));
}

int first_process_of(Container& container, const Container& viewer) {
  SpinGuard guard(process_tree_lock);
  return container.first_process ? container.first_process->pid()->number_in(viewer) : 0;
}

ContainerStat stat_of_container(Container& container, const Container& viewer) {
  const MemoryCounters memory = container.memory().counters();
  ContainerStat stat{};
  stat.id = container.id();
  stat.parent = container.parent() ? container.parent()->id() : Container::host_id;
  stat.state = static_cast<std::uint32_t>(container.state());
  stat.depth = container.depth();
  stat.processes = container.process_count();
  stat.memory = memory.pages << page_shift;
  stat.memory_peak = memory.peak_pages << page_shift;
  stat.cpu_time = static_cast<std::uint64_t>(container.sched_context().cpu_time());
  const ContainerLife life = container.life();
  stat.created = static_cast<std::uint64_t>(life.created);
  stat.started = static_cast<std::uint64_t>(life.started);
  stat.ended = static_cast<std::uint64_t>(life.ended);
  stat.status = life.status;
  stat.starts = life.starts;
  stat.first_process = first_process_of(container, viewer);
  if (container.nesting() == Nesting::yes) stat.flags |= ContainerCreate::may_nest;
  if (container.lifetime() == Lifetime::until_empty) stat.flags |= ContainerCreate::temporary;
  copy_text(stat.name, container.name());
  copy_text(stat.hostname, container.hostname());
  return stat;
}

}  // namespace

Result<long> sys_create_container(Context& context, UserPtr<ContainerCreate> pointer, std::size_t size) {
  const ContainerCreate wanted = TRY(read_extensible(pointer, size, ContainerCreate::first_size));
  if (wanted.flags & ~ContainerCreate::all_flags) return Error::inval;
  TRY(check_may_manage(context));
  PathBuffer name_buffer, hostname_buffer;
  ContainerSettings settings;
  if (wanted.flags & ContainerCreate::may_nest) settings.nesting = Nesting::yes;
  if (wanted.flags & ContainerCreate::temporary) settings.lifetime = Lifetime::until_empty;
  if (wanted.root) settings.root = TRY(find_root(context, UserString(wanted.root)));
  if (wanted.flags & ContainerCreate::read_only_root) settings.root_access = ContainerSettings::RootAccess::read_only;
  settings.name = TRY(read_optional(wanted.name, name_buffer));
  settings.hostname = TRY(read_optional(wanted.hostname, hostname_buffer));
  if (wanted.scheduling) {
    const auto scheduling = TRY(UserPtr<ContainerScheduling>(wanted.scheduling).read());
    if (scheduling.change & ~ContainerScheduling::changes_at_creation) return Error::inval;
    settings.scheduling = TRY(sched_settings_of(scheduling));
  }
  return TRY(ContainerManager::create(context.container, settings))->id();
}

Result<long> sys_spawn_container(Context& context, UserPtr<ContainerSpawn> pointer, std::size_t size) {
  const ContainerSpawn wanted = TRY(read_extensible(pointer, size, ContainerSpawn::first_size));
  const Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  PathBuffer path_buffer, directory_buffer;
  SpawnRequest request;
  request.place = TRY(place_of(wanted.flags));
  request.path = TRY(UserString(wanted.path).read(path_buffer));
  if (wanted.directory) request.directory = TRY(UserString(wanted.directory).read(directory_buffer));
  TRY(request.arguments.add_user_arguments(wanted.arguments));
  TRY(request.arguments.add_user_environment(wanted.environment));
  request.credentials = TRY(credentials_of(wanted));
  const auto passed = TRY(read_descriptors(wanted.descriptors, wanted.descriptor_count));
  request.descriptors = passed;
  return TRY(spawn(context.thread, *container, std::move(request)));
}

Result<long> sys_stat_container(Context& context, UserPtr<ContainerStat> pointer, std::size_t size) {
  const ContainerStat wanted = TRY(read_extensible(pointer, size, ContainerStat::first_size));
  const Ref<Container> container = TRY(find_for_stat(context, wanted));
  TRY(write_extensible(pointer, stat_of_container(*container, context.container), size));
  return 0;
}

Result<long> sys_cid(Context& context) { return context.container.id(); }

}  // namespace cv6::linux_abi
