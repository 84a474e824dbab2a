#include "task/proc/system_text.hpp"

#include "task/proc/process_text.hpp"

namespace cv6::proc {

namespace {

void print_memory_line(Output& out, std::string_view name, std::uint64_t pages) {
  char head[24];
  print(out, "{:<16}{:8} kB\n", format_to(head, "{}:", name), pages * (page_size / 1024));
}

// Seconds and hundredths.
void print_seconds(Output& out, Nanoseconds time) {
  const std::uint64_t ticks = clock_ticks(time);
  print(out, "{}.{:02}", ticks / 100, ticks % 100);
}

void print_average(Output& out, std::uint32_t value) {
  constexpr std::uint32_t one = 1 << 11;
  const std::uint32_t rounded = value + one / 200;
  print(out, "{}.{:02} ", rounded / one, rounded % one * 100 / one);
}

}  // namespace

void print_meminfo(Output& out, const MemoryFacts& facts) {
  print_memory_line(out, "MemTotal", facts.total);
  print_memory_line(out, "MemFree", facts.free);
  print_memory_line(out, "MemAvailable", facts.free);
  print_memory_line(out, "Buffers", 0);
  print_memory_line(out, "Cached", facts.files);
  print_memory_line(out, "SwapCached", 0);
  print_memory_line(out, "SwapTotal", 0);
  print_memory_line(out, "SwapFree", 0);
  print_memory_line(out, "Dirty", 0);
  print_memory_line(out, "Writeback", 0);
  print_memory_line(out, "Shmem", facts.files);
  print_memory_line(out, "Slab", facts.kernel_objects);
  print_memory_line(out, "SReclaimable", 0);
  print_memory_line(out, "SUnreclaim", facts.kernel_objects);
}

void print_cpu_times(Output& out, std::string_view name, const sched::CpuTimes& times) {
  // user nice system idle iowait irq softirq steal guest guest_nice
  print(out, "{} {} 0 {} {} 0 0 0 0 0 0\n", name, clock_ticks(times.user), clock_ticks(times.system),
        clock_ticks(times.idle));
}

void print_system_counts(Output& out, const SystemFacts& facts) {
  print(out, "intr 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\n", facts.context_switches,
        facts.boot_time / nanoseconds_per_second, facts.created, facts.running);
}

void print_uptime(Output& out, Nanoseconds up, Nanoseconds idle) {
  print_seconds(out, up);
  out.write(" ");
  print_seconds(out, idle);
  out.write("\n");
}

void print_load(Output& out, const LoadFacts& facts) {
  print_average(out, facts.average.one);
  print_average(out, facts.average.five);
  print_average(out, facts.average.fifteen);
  print(out, "{}/{} {}\n", facts.running, facts.threads, facts.last_number);
}

void print_lock(Output& out, unsigned index, const LockDescription& lock, int process) {
  print(out, "{}: {}{:<6} ADVISORY  {} {} {:02x}:{:02x}:{} {} ", index, lock.waiting ? "-> " : "", lock.type,
        lock.write ? "WRITE" : "READ ", process, device_major(lock.device), device_minor(lock.device), lock.inode,
        lock.start);
  if (lock.end == UINT64_MAX)
    out.write("EOF\n");
  else
    print(out, "{}\n", lock.end);
}

void print_uuid(Output& out, std::span<const std::byte, 16> bytes) {
  for (unsigned i = 0; i < bytes.size(); ++i) {
    auto value = std::to_integer<unsigned>(bytes[i]);
    if (i == 6) value = (value & 0x0f) | 0x40;  // version: random
    if (i == 8) value = (value & 0x3f) | 0x80;  // variant
    if (i == 4 || i == 6 || i == 8 || i == 10) out.write("-");
    print(out, "{:02x}", value);
  }
  out.write("\n");
}

}  // namespace cv6::proc
