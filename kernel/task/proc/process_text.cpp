#include "task/proc/process_text.hpp"

namespace cv6::proc {

namespace {

constexpr std::uint64_t kilobytes(std::uint64_t pages) { return pages * (page_size / 1024); }

std::string_view state_name(char state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
      return "sleeping";
    case 'D':
      return "disk sleep";
    case 'T':
      return "stopped";
    case 't':
      return "tracing stop";
    case 'Z':
      return "zombie";
    case 'X':
      return "dead";
    default:
      return "unknown";
  }
}

void print_memory_line(Output& out, std::string_view name, std::uint64_t pages) {
  print(out, "{}:\t{:8} kB\n", name, kilobytes(pages));
}

void print_memory(Output& out, const ProcessFacts& facts) {
  const AddressSpaceUsage& memory = facts.info.memory;
  const std::uint64_t peak = facts.info.usage.peak_resident_pages;
  print_memory_line(out, "VmPeak", memory.peak_virtual_pages);
  print_memory_line(out, "VmSize", memory.virtual_pages);
  print_memory_line(out, "VmLck", 0);
  print_memory_line(out, "VmPin", 0);
  print_memory_line(out, "VmHWM", peak > memory.resident_pages ? peak : memory.resident_pages);
  print_memory_line(out, "VmRSS", memory.resident_pages);
  print_memory_line(out, "RssAnon", memory.resident_pages - memory.shared_pages);
  print_memory_line(out, "RssFile", memory.shared_pages);
  print_memory_line(out, "RssShmem", 0);
  print_memory_line(out, "VmData", memory.data_pages);
  print_memory_line(out, "VmStk", memory.stack_pages);
  print_memory_line(out, "VmExe", memory.text_pages - facts.library_pages);
  print_memory_line(out, "VmLib", facts.library_pages);
  print_memory_line(out, "VmPTE", memory.page_table_pages);
  print_memory_line(out, "VmSwap", 0);
}

void print_level_line(Output& out, std::string_view name, std::span<const LevelNumbers> levels,
                      int LevelNumbers::* which) {
  print(out, "{}:", name);
  for (const LevelNumbers& level : levels) print(out, "\t{}", level.*which);
  out.write("\n");
}

void print_identities(Output& out, const ProcessFacts& facts) {
  const Identities& ids = facts.info.ids;
  print(out, "Uid:\t{}\t{}\t{}\t{}\n", ids.user, ids.effective_user, ids.saved_user, ids.file_user);
  print(out, "Gid:\t{}\t{}\t{}\t{}\n", ids.group, ids.effective_group, ids.saved_group, ids.file_group);
  print(out, "FDSize:\t{}\nGroups:\t", facts.info.descriptors);
  if (facts.info.groups)
    for (std::uint32_t group : facts.info.groups->groups()) print(out, "{} ", group);
  out.write(facts.info.groups && !facts.info.groups->groups().empty() ? "\n" : " \n");
  print_level_line(out, "NStgid", facts.levels, &LevelNumbers::process);
  print_level_line(out, "NSpid", facts.levels, &LevelNumbers::thread);
  print_level_line(out, "NSpgid", facts.levels, &LevelNumbers::group);
  print_level_line(out, "NSsid", facts.levels, &LevelNumbers::session);
}

void print_signals(Output& out, const ProcessInfo& info) {
  print(out, "SigQ:\t{}/{}\n", info.queued_signals, info.queued_signals_limit);
  print(out, "SigPnd:\t{:016x}\n", info.thread_pending.bits());
  print(out, "ShdPnd:\t{:016x}\n", info.pending.bits());
  print(out, "SigBlk:\t{:016x}\n", info.blocked.bits());
  print(out, "SigIgn:\t{:016x}\n", info.ignored.bits());
  print(out, "SigCgt:\t{:016x}\n", info.caught.bits());
}

// There are no capabilities of one's own choice here: user 0 has all, others none.
void print_capabilities(Output& out, const Identities& ids) {
  constexpr std::uint64_t all = 0x1ff'ffff'ffff;  // up to CAP_CHECKPOINT_RESTORE
  const bool permitted = ids.user == 0 || ids.effective_user == 0 || ids.saved_user == 0;
  print(out, "CapInh:\t{:016x}\n", std::uint64_t{0});
  print(out, "CapPrm:\t{:016x}\n", permitted ? all : 0);
  print(out, "CapEff:\t{:016x}\n", ids.effective_user == 0 ? all : 0);
  print(out, "CapBnd:\t{:016x}\n", all);
  print(out, "CapAmb:\t{:016x}\n", std::uint64_t{0});
}

void print_limit_value(Output& out, std::uint64_t value) {
  if (value == ResourceLimit::infinity)
    print(out, "{:<20} ", "unlimited");
  else
    print(out, "{:<20} ", value);
}

}  // namespace

void print_escaped(Output& out, std::string_view name) {
  for (char c : name) {
    if (c == '\n')
      out.write("\\n");
    else if (c == '\\')
      out.write("\\\\");
    else
      out.write({&c, 1});
  }
}

void print_cpu_mask(Output& out, arch::CpuSet cpus, unsigned count) {
  for (unsigned digit = (count + 3) / 4; digit-- > 0;) {
    print(out, "{:x}", cpus >> (digit * 4) & 0xf);
    if (digit && digit % 8 == 0) out.write(",");
  }
}

void print_cpu_list(Output& out, arch::CpuSet cpus) {
  bool first = true;
  for (unsigned cpu = 0; cpu < arch::max_cpus; ++cpu) {
    if (!(cpus & arch::cpu_bit(cpu))) continue;
    unsigned last = cpu;
    while (last + 1 < arch::max_cpus && (cpus & arch::cpu_bit(last + 1))) ++last;
    if (!first) out.write(",");
    first = false;
    if (last == cpu)
      print(out, "{}", cpu);
    else
      print(out, "{}-{}", cpu, last);
    cpu = last;
  }
}

void print_stat(Output& out, const ProcessFacts& facts) {
  const ProcessInfo& info = facts.info;
  const ProgramRanges none;
  const ProgramRanges& ranges = facts.addresses_visible && facts.has_memory ? info.ranges : none;
  const std::uintptr_t hidden = facts.has_memory && !facts.addresses_visible ? 1 : 0;

  print(out, "{} (", info.number);
  print_escaped(out, info.name);
  constexpr unsigned forked_without_exec = 0x40;  // PF_FORKNOEXEC
  print(out, ") {:c} {} {} {} {} {} {} ", info.state, info.parent, info.group, info.session,
        encode_device(info.terminal), info.foreground_group, facts.has_executed ? 0u : forked_without_exec);
  print(out, "{} {} {} {} ", info.usage.minor_faults, info.children_usage.minor_faults, info.usage.major_faults,
        info.children_usage.major_faults);
  print(out, "{} {} {} {} ", clock_ticks(info.usage.user_time), clock_ticks(info.usage.system_time),
        clock_ticks(info.children_usage.user_time), clock_ticks(info.children_usage.system_time));
  // priority, nice, threads, itrealvalue, starttime
  print(out, "{} {} {} 0 {} ", 20 + info.nice, info.nice, info.threads, clock_ticks(info.start_time));
  print(out, "{} {} {} ", info.memory.virtual_pages * page_size, info.memory.resident_pages, facts.resident_limit);
  // code, stack, and the registers, which are not shown
  print(out, "{} {} {} 0 0 ", ranges.code_start | hidden, ranges.code_end | hidden, ranges.stack_start);
  // Signals, of 31 bits as before there were real-time ones; wchan, nswap, cnswap.
  print(out, "{} {} {} {} 0 0 0 ", (info.pending | info.thread_pending).bits() & 0x7fffffff,
        info.blocked.bits() & 0x7fffffff, info.ignored.bits() & 0x7fffffff, info.caught.bits() & 0x7fffffff);
  // exit_signal, processor, rt_priority, policy, delayacct_blkio_ticks, guest_time, cguest_time
  print(out, "{} {} 0 0 0 0 0 ", info.exit_signal, info.cpu);
  print(out, "{} {} {} ", ranges.data_start, ranges.data_end, facts.addresses_visible ? facts.heap_start : 0);
  print(out, "{} {} {} {} {}\n", ranges.arguments_start, ranges.arguments_end, ranges.environment_start,
        ranges.environment_end, facts.addresses_visible ? facts.exit_code : 0);
}

void print_statm(Output& out, const AddressSpaceUsage& memory) {
  print(out, "{} {} {} {} 0 {} 0\n", memory.virtual_pages, memory.resident_pages, memory.shared_pages,
        memory.text_pages, memory.data_pages + memory.stack_pages);
}

void print_status(Output& out, const ProcessFacts& facts) {
  const ProcessInfo& info = facts.info;
  out.write("Name:\t");
  print_escaped(out, info.name);
  out.write("\n");
  if (facts.has_memory) print(out, "Umask:\t{:04o}\n", info.umask);
  print(out, "State:\t{:c} ({})\n", info.state, state_name(info.state));
  print(out, "Tgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n", facts.process, info.number, info.parent);
  print_identities(out, facts);
  if (facts.has_memory) print_memory(out, facts);
  print(out, "Threads:\t{}\n", info.threads);
  print_signals(out, info);
  print_capabilities(out, info.ids);
  print(out, "NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0\n", info.no_new_privileges ? 1 : 0);
  out.write("Cpus_allowed:\t");
  print_cpu_mask(out, facts.cpus, facts.cpu_count);
  out.write("\nCpus_allowed_list:\t");
  print_cpu_list(out, facts.cpus);
  print(out, "\nvoluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n", facts.voluntary_switches,
        facts.involuntary_switches);
  print(out, "Container:\t{}\n", info.container);
}

void print_limits(Output& out, const ResourceLimits& limits) {
  struct Line {
    std::string_view name, unit;
  };
  static constexpr Line lines[resource_count] = {
      {"Max cpu time", "seconds"},    {"Max file size", "bytes"},      {"Max data size", "bytes"},
      {"Max stack size", "bytes"},    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
      {"Max processes", "processes"}, {"Max open files", "files"},     {"Max locked memory", "bytes"},
      {"Max address space", "bytes"}, {"Max file locks", "locks"},     {"Max pending signals", "signals"},
      {"Max msgqueue size", "bytes"}, {"Max nice priority", ""},       {"Max realtime priority", ""},
      {"Max realtime timeout", "us"},
  };
  print(out, "{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  for (unsigned i = 0; i < resource_count; ++i) {
    print(out, "{:<25} ", lines[i].name);
    print_limit_value(out, limits.values[i].soft);
    print_limit_value(out, limits.values[i].hard);
    if (!lines[i].unit.empty()) print(out, "{:<10}", lines[i].unit);
    out.write("\n");
  }
}

void print_io(Output& out, const IoFacts& facts) {
  print(out, "rchar: {}\nwchar: {}\nsyscr: {}\nsyscw: {}\n", facts.bytes_read, facts.bytes_written, facts.read_calls,
        facts.write_calls);
  print(out, "read_bytes: {}\nwrite_bytes: {}\ncancelled_write_bytes: 0\n", facts.device_bytes_read,
        facts.device_bytes_written);
}

}  // namespace cv6::proc
