#include "task/proc/system_files.hpp"

#include <algorithm>

#include "arch/clock.hpp"
#include "arch/cpu_description.hpp"
#include "arch/machine.hpp"
#include "container/manager.hpp"
#include "fs/device.hpp"
#include "fs/real_time.hpp"
#include "lib/version.hpp"
#include "task/proc/subject.hpp"
#include "task/proc/system_text.hpp"
#include "vm/page_index.hpp"

namespace cv6::proc {

namespace {

// A container with a memory limit has that much memory; the kernel's own objects are the host's.
Result<void> generate_meminfo(TextBuffer& out) {
  const frames::Counts machine = frames::counts();
  const MemoryCounters own = viewer().memory().counters();
  const std::uint64_t left = own.limit_pages > own.pages ? own.limit_pages - own.pages : 0;
  MemoryFacts facts{.total = std::min(machine.total, own.limit_pages), .free = std::min(machine.free, left)};
  facts.files = std::min(PageIndex::pages_of_all(), facts.total - facts.free);
  if (viewer().is_host()) {
    std::uint64_t bytes = 0;
    ObjectCache::for_each([](const ObjectCache::Counts& counts,
                             void* sum) { *static_cast<std::uint64_t*>(sum) += counts.live * counts.object_size; },
                          &bytes);
    facts.kernel_objects = pages_for(bytes);
  }
  print_meminfo(out, facts);
  return {};
}

// The viewer's threads: all, and those that run or could.
struct ThreadCounts {
  unsigned threads = 0, running = 0;
};
ThreadCounts count_threads() {
  ThreadCounts counts;
  int after = 0;
  while (Ref<Process> process = next_process(viewer(), after)) {
    process->for_each_thread([&](UserThread& thread) {
      const Thread::State state = thread.state();
      ++counts.threads;
      if (state == Thread::State::running || state == Thread::State::runnable) ++counts.running;
    });
  }
  return counts;
}

Result<void> generate_stat(TextBuffer& out) {
  sched::CpuTimes sum{};
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu) {
    const sched::CpuTimes times = sched::cpu_times(cpu);
    sum.user += times.user;
    sum.system += times.system;
    sum.idle += times.idle;
  }
  print_cpu_times(out, "cpu ", sum);
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu) {
    char name[8];
    print_cpu_times(out, format_to(name, "cpu{}", cpu), sched::cpu_times(cpu));
  }
  print_system_counts(out, {.context_switches = sched::context_switches(),
                            .boot_time = real_time_now() - arch::monotonic_now(),
                            .created = viewer().pids().given().count,
                            .running = viewer().is_host() ? sched::runnable_threads() : count_threads().running});
  return {};
}

Result<void> generate_uptime(TextBuffer& out) {
  Nanoseconds idle = 0;
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu) idle += sched::cpu_times(cpu).idle;
  print_uptime(out, arch::monotonic_now(), idle);
  return {};
}

Result<void> generate_loadavg(TextBuffer& out) {
  const ThreadCounts counts = count_threads();
  print_load(out, {.average = sched::load_average(),
                   .running = counts.running,
                   .threads = counts.threads,
                   .last_number = viewer().pids().given().last});
  return {};
}

Result<void> generate_cpuinfo(TextBuffer& out) {
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu) arch::describe_cpu(cpu, out);
  return {};
}

Result<void> generate_version(TextBuffer& out) {
  print(out, "{} version {} (cv6@cv6) (" __VERSION__ ") {}\n", version::system, version::release, version::text);
  return {};
}

Result<void> generate_command_line(TextBuffer& out) {
  print(out, "{}\n", arch::command_line());
  return {};
}

Result<void> generate_devices(TextBuffer& out) {
  out.write("Character devices:\n");
  for_each_device([](const CharacterDevice& device,
                     void* out) { print(*static_cast<TextBuffer*>(out), "{:3} {}\n", device.major, device.name); },
                  &out);
  out.write("\nBlock devices:\n");
  return {};
}

Result<void> generate_filesystems(TextBuffer& out) {
  for_each_file_system(
      [](const FileSystemType& type, void* out) { print(*static_cast<TextBuffer*>(out), "nodev\t{}\n", type.name); },
      &out);
  return {};
}

Result<void> generate_swaps(TextBuffer& out) {
  out.write("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
  return {};
}

// There are no disks, and so nothing to say.
Result<void> generate_nothing(TextBuffer&) { return {}; }

Result<void> generate_vmstat(TextBuffer& out) {
  print(out, "nr_free_pages {}\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n", frames::counts().free);
  return {};
}

// Of those whose owners the viewer sees. (Locks of open file descriptions have none: -1.)
Result<void> generate_locks(TextBuffer& out) {
  LockDescription some[32];
  LockPosition position;
  unsigned index = 0;
  for (bool more = true; more; sched::maybe_yield()) {
    std::size_t count;
    more = next_locks(position, some, count);
    for (const LockDescription& lock : std::span(some, count)) {
      int process = -1;
      if (lock.process) {
        const Ref<Pid> owner = ContainerManager::host().pids().find(static_cast<int>(lock.process));
        process = owner ? owner->number_in(viewer()) : 0;
      } else if (!viewer().is_host()) {
        continue;  // whose it is cannot be told
      }
      if (process != 0) print_lock(out, ++index, lock, process);
    }
  }
  return {};
}

constexpr TextFileEntry entries[] = {
    {"cmdline", generate_command_line},
    {"cpuinfo", generate_cpuinfo},
    {"devices", generate_devices},
    {"diskstats", generate_nothing},
    {"filesystems", generate_filesystems},
    {"loadavg", generate_loadavg},
    {"locks", generate_locks},
    {"meminfo", generate_meminfo},
    {"partitions", generate_nothing},
    {"stat", generate_stat},
    {"swaps", generate_swaps},
    {"uptime", generate_uptime},
    {"version", generate_version},
    {"vmstat", generate_vmstat},
};

}  // namespace

Result<void> add_text_files(SyntheticDirectory& directory, std::span<const TextFileEntry> entries) {
  for (const TextFileEntry& entry : entries)
    TRY(directory.add(entry.name, TRY(make_synthetic_file(procfs(), entry.mode, entry.generate, entry.store))));
  return {};
}

Result<void> add_system_files(SyntheticDirectory& root) { return add_text_files(root, entries); }

}  // namespace cv6::proc
