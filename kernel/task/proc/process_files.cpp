// /proc/PID/{stat,statm,status,limits,io,comm,cgroup,wchan,personality} and task/TID/children: the facts.
#include "task/proc/process_entries.hpp"
#include "task/proc/process_text.hpp"

namespace cv6::proc {

namespace {

// Where the process is and which group it is in, held; both are changed under the tree's lock.
struct Place {
  Ref<Container> container;
  Ref<ProcessGroup> group;  // null: it is going
};
Place place_of(Process& process) {
  SpinGuard guard(process_tree_lock);
  return {process.container_ref(), process.group};
}

// Its numbers from the viewer's level down to its own.
Result<void> collect_levels(Process& process, const Pid& thread, Vector<LevelNumbers>& levels) {
  const Place place = place_of(process);
  const Container& viewer = proc::viewer();
  if (!place.container->is_or_is_below(viewer)) return Error::srch;  // it has just left
  TRY(levels.resize(place.container->depth() - viewer.depth() + 1));
  std::size_t i = levels.size();
  for (const Container* level = place.container.get(); i-- > 0; level = level->parent()) {
    levels[i] = {.process = process.pid()->number_in(*level), .thread = thread.number_in(*level)};
    if (!place.group) continue;
    levels[i].group = place.group->pid()->number_in(*level);
    levels[i].session = place.group->session().pid()->number_in(*level);
  }
  return {};
}

// What of a thread is shown in place of what its process has.
void describe_thread(UserThread& thread, ProcessInfo& info) {
  const ThreadInfo own = thread_info(thread, viewer());
  info.number = own.number;
  info.state = own.state;
  info.nice = own.nice;
  info.name = own.name;
  info.usage.user_time = own.user_time;
  info.usage.system_time = own.system_time;
  info.cpu = own.cpu;
  info.thread_pending = own.pending;
  info.blocked = own.blocked;
}

Result<void> collect(const Subject& subject, Process& process, ProcessFacts& facts) {
  facts.info = process_info(process, viewer());
  facts.process = facts.info.number;
  facts.has_memory = process.state() == Process::State::alive && facts.info.memory.virtual_pages != 0;
  facts.addresses_visible = check_may_inspect(Process::current(), process).has_value();
  if (const Ref<AddressSpace> memory = process.hold_address_space()) facts.heap_start = memory->heap_start();
  facts.has_executed = process.has_executed.load(std::memory_order_relaxed);
  facts.resident_limit = process.limits[Resource::resident].soft;
  const ProgramRanges& ranges = facts.info.ranges;
  const std::uint64_t code_pages = pages_for(page_ceiling(ranges.code_end) - page_floor(ranges.code_start));
  const std::uint64_t text_pages = facts.info.memory.text_pages;
  facts.library_pages = text_pages > code_pages ? text_pages - code_pages : 0;
  if (process.state() == Process::State::zombie) facts.exit_code = process.exit_status.encode();
  facts.cpu_count = arch::cpu_count();
  facts.voluntary_switches = facts.info.usage.voluntary_switches;
  facts.involuntary_switches = facts.info.usage.involuntary_switches;

  const Result<Ref<UserThread>> thread = subject.thread();
  if (!thread && subject.is_thread()) return Error::srch;
  if (!thread) return {};
  if (subject.is_thread()) describe_thread(**thread, facts.info);
  const arch::CpuSet existing =
      facts.cpu_count < arch::max_cpus ? arch::cpu_bit(facts.cpu_count) - 1 : ~arch::CpuSet{0};
  facts.cpus = (*thread)->affinity() & existing;
  facts.voluntary_switches = (*thread)->voluntary_switches();
  facts.involuntary_switches = (*thread)->involuntary_switches();
  return {};
}

}  // namespace

Result<void> generate_stat(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  ProcessFacts facts;
  TRY(collect(subject, *process, facts));
  print_stat(out, facts);
  return {};
}

Result<void> generate_statm(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  Ref<AddressSpace> memory = process->hold_address_space();
  print_statm(out, memory ? memory->usage() : AddressSpaceUsage{});
  return {};
}

Result<void> generate_status(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  ProcessFacts facts;
  TRY(collect(subject, *process, facts));
  Vector<LevelNumbers> levels;
  TRY(collect_levels(*process, subject.pid(), levels));
  facts.levels = levels;
  print_status(out, facts);
  return {};
}

Result<void> generate_limits(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  print_limits(out, process->limits);
  return {};
}

Result<void> generate_io(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.inspected_process());
  const ResourceUsage usage = usage_of(*process);
  constexpr std::uint64_t block = 512;
  print_io(out, {.bytes_read = process->bytes_read.load(std::memory_order_relaxed),
                 .bytes_written = process->bytes_written.load(std::memory_order_relaxed),
                 .read_calls = process->read_calls.load(std::memory_order_relaxed),
                 .write_calls = process->write_calls.load(std::memory_order_relaxed),
                 .device_bytes_read = usage.blocks_read * block,
                 .device_bytes_written = usage.blocks_written * block});
  return {};
}

Result<void> generate_comm(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  if (const Result<Ref<UserThread>> thread = subject.thread())
    print(out, "{}\n", thread_info(**thread, viewer()).name);
  else
    print(out, "{}\n", process_info(*process, viewer()).name);
  return {};
}

// A process may name its own threads.
Result<void> store_comm(const Subject& subject, std::string_view text) {
  Ref<Process> process = TRY(subject.process());
  if (process != &Process::current()) return Error::inval;
  Ref<UserThread> thread = TRY(subject.thread());
  thread->name.assign(text.substr(0, text.find('\0')));
  return {};
}

// There are no control groups but containers: the path leads from the viewer's down to the process's.
Result<void> generate_cgroup(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  const Place place = place_of(*process);
  Vector<const Container*> path;
  for (const Container* at = place.container.get(); at && at != &viewer(); at = at->parent()) TRY(path.push_back(at));
  out.write("0::/");
  for (std::size_t i = path.size(); i-- > 0;) {
    out.write(path[i]->name());
    if (i) out.write("/");
  }
  out.write("\n");
  return {};
}

// Where a thread waits in the kernel is not shown to anybody.
Result<void> generate_wchan(const Subject& subject, TextBuffer& out) {
  TRY(subject.process());
  out.write("0");
  return {};
}

Result<void> generate_personality(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.inspected_process());
  print(out, "{:08x}\n", process->personality);
  return {};
}

// Children belong to a process, not to one of its threads: they are shown as the first one's.
Result<void> generate_children(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  if (&subject.pid() != process->pid().get()) return {};
  Vector<int> numbers;
  for (std::size_t room = 16;; room *= 2) {
    TRY(numbers.reserve(room));
    numbers.clear();
    std::size_t count = 0;
    {
      SpinGuard guard(process_tree_lock);
      for (Process& child : process->children) {
        if (++count > room) break;
        TRY(numbers.push_back(child.pid()->number_in(viewer())));  // there is room: does not allocate
      }
    }
    if (count <= room) break;
  }
  for (int number : numbers)
    if (number) print(out, "{} ", number);
  return {};
}

}  // namespace cv6::proc
