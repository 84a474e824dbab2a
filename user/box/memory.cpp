// `box mem`: where the addresses of a container's processes lead, GVA -> GPA -> HVA -> HPA, and what its frames hold.
#include <cerrno>
#include <cstdio>
#include <memory>
#include <vector>

#include "containers.hpp"
#include "failure.hpp"
#include "limits.hpp"
#include "numbers.hpp"
#include "table.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

constexpr std::uint64_t page_size = 4096;

std::string hex(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

// Those that are not told, inside a container, are not shown.
Cell address(std::uint64_t value) {
  Cell cell(value == no_address ? "-" : hex(value), value);
  if (value == no_address) cell.json = "null";
  return cell;
}

std::string rights_text(std::uint16_t bits) {
  std::string text = "---";
  if (bits & memory_bit::read) text[0] = 'r';
  if (bits & memory_bit::write) text[1] = 'w';
  if (bits & memory_bit::execute) text[2] = 'x';
  return text;
}

std::string kind_text(MemoryKind kind) {
  switch (kind) {
    case MemoryKind::anonymous: return "anonymous";
    case MemoryKind::heap: return "[heap]";
    case MemoryKind::stack: return "[stack]";
    case MemoryKind::file: return "file";
    case MemoryKind::shared_memory: return "shared memory";
    case MemoryKind::process_page: return "of a process elsewhere";
    case MemoryKind::file_page: return "page of a file";
    case MemoryKind::page_table: return "page table";
    case MemoryKind::kernel_data: return "kernel data";
  }
  return "?";
}

// Of MemoryWalk and MemoryRun.
template <class Answer>
std::string what_is(const Answer& answer) {
  if (answer.bits & memory_bit::zero_page) return "zeros, not written yet";
  return answer.kind == MemoryKind::file ? std::string(answer.name) : kind_text(answer.kind);
}

// --- the table --------------------------------------------------------------------------------------------------------

// Two runs are one to a reader.
bool continues(const MemoryRun& run, const MemoryRun& next) {
  const std::uint64_t length = run.pages * page_size;
  const auto follows = [&](std::uint64_t a, std::uint64_t b) { return a == no_address ? b == no_address : b == a + length; };
  return follows(run.gva, next.gva) && follows(run.gpa, next.gpa) && follows(run.hpa, next.hpa) && run.pid == next.pid &&
         run.owner == next.owner && run.kind == next.kind && run.bits == next.bits && run.mappers == next.mappers &&
         std::string(run.name) == next.name;
}

// Calls visit(run) for each run of a view; afterwards the table has the container's numbers.
template <class Visit>
MemoryTable for_each_run(const ContainerStat& container, MemoryTable::View view, Visit visit) {
  std::vector<MemoryRun> part(256);
  MemoryTable table;
  table.container = container.id;
  table.view = view;
  table.runs = part.data();
  table.count = part.size();
  long count;
  while ((count = memory_table(table)) > 0)
    for (long i = 0; i < count; ++i) visit(part[static_cast<std::size_t>(i)]);
  if (count < 0) throw system_failure(container.name);
  return table;
}

class MemoryListing {
 public:
  explicit MemoryListing(const ContainerStat& container) : container_(container) {
    for_each_run(container, MemoryTable::View::processes, [&](const MemoryRun& run) {
      note_frames(run);
      add(run);
    });
    finish();
    counts_ = for_each_run(container, MemoryTable::View::frames, [&](const MemoryRun& frame) {
      if (!is_noted(frame)) add(frame);
    });
    finish();
  }

  void print(Format format) const {
    const ContainerLimit limit = limit_of(container_.id, ContainerLimit::Kind::memory);
    if (format == Format::json) {
      std::printf("{\"memory\": %llu, \"limit\": %s, \"peak\": %llu, \"refusals\": %llu, \"victims\": %llu, \"frames\": %llu, "
                  "\"kernel_objects\": %llu,\n\"table\": %s}\n",
                  number(limit.current), limit.limit == ContainerLimit::unlimited ? "null" : std::to_string(limit.limit).c_str(),
                  number(limit.peak), number(limit.refusals), number(limit.victims), number(counts_.own_frames),
                  number(counts_.kernel_bytes), table(true).json().c_str());
      return;
    }
    constexpr std::size_t whole_width = 110;
    const bool whole = line_width() >= whole_width;
    table(whole).print(format);
    if (!whole && !runs_.empty() && runs_.front().hpa != no_address)
      std::printf("\nHVA = HPA + %s, in the kernel's direct map\n", hex(runs_.front().hva - runs_.front().hpa).c_str());
    std::printf("\n%s: %s in use of %s, peak %s: %llu frames, %s of kernel objects", container_.name,
                size_text(limit.current).c_str(),
                limit.limit == ContainerLimit::unlimited ? "no limit" : size_text(limit.limit).c_str(),
                size_text(limit.peak).c_str(), number(counts_.own_frames), size_text(counts_.kernel_bytes).c_str());
    if (limit.refusals) std::printf("; the limit was in the way %llu times", number(limit.refusals));
    if (limit.victims) std::printf(", %llu %s ended", number(limit.victims), limit.victims == 1 ? "process was" : "processes were");
    std::puts("");
  }

 private:
  static unsigned long long number(std::uint64_t value) { return value; }

  void note_frames(const MemoryRun& run) {
    if (run.owner != container_.id || run.gpa == no_address) return;
    const std::uint64_t first = run.gpa / page_size;
    if (mapped_.size() < first + run.pages) mapped_.resize(first + run.pages);
    for (std::uint64_t i = 0; i < run.pages; ++i) mapped_[first + i] = true;
  }
  bool is_noted(const MemoryRun& frame) const {
    const std::uint64_t at = frame.gpa / page_size;
    return at < mapped_.size() && mapped_[at];
  }

  void add(const MemoryRun& run) {
    if (pending_.pages && continues(pending_, run)) {
      pending_.pages += run.pages;
      return;
    }
    finish();
    pending_ = run;
  }
  void finish() {
    if (pending_.pages) runs_.push_back(pending_);
    pending_ = {};
  }

  // All columns, or those that fit a narrow terminal.
  Table table(bool whole) const {
    Table table(whole ? std::vector<std::string>{"PID", "GVA", "GPA", "HVA", "HPA", "PAGES", "MODE", "OWNER", "USERS", "WHAT"}
                      : std::vector<std::string>{"PID", "GVA", "GPA", "HPA", "PAGES", "OWNER", "WHAT"});
    for (const MemoryRun& run : runs_) {
      std::vector<Cell> line = cells(run);
      if (!whole) line = {line[0], line[1], line[2], line[4], line[5], line[7], line[9]};
      table.add(std::move(line));
    }
    return table;
  }
  std::vector<Cell> cells(const MemoryRun& run) const {
    Cell pid(run.pid ? std::to_string(run.pid) : "-", static_cast<std::uint64_t>(run.pid));
    if (!run.pid) pid.json = "null";
    const std::string owner = run.owner == container_.id ? "own" : run.owner == host_container ? "host" : std::to_string(run.owner);
    return {pid, address(run.gva), address(run.gpa), address(run.hva), address(run.hpa), run.pages,
            run.gva == no_address ? "" : rights_text(run.bits), owner, run.mappers, what_is(run)};
  }

  const ContainerStat& container_;
  std::vector<MemoryRun> runs_;
  std::vector<bool> mapped_;  // of the container's frames, by number
  MemoryRun pending_;
  MemoryTable counts_;
};

// --- one address ------------------------------------------------------------------------------------------------------

std::uint64_t parse_address(const std::string& text) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const auto number = is_hex ? number_in<std::uint64_t>(text.substr(2), 16) : number_in<std::uint64_t>(text);
  if (!number) throw Failure("mem: " + text + ": not an address (such as 0x7f0012345678)");
  return *number;
}

// The process with the lowest number.
int first_process_of(const ContainerStat& container) {
  MemoryRun run;
  MemoryTable table;
  table.container = container.id;
  table.runs = &run;
  table.count = 1;
  const long count = memory_table(table);
  if (count < 0) throw system_failure(container.name);
  if (count == 0) throw Failure(std::string(container.name) + ": no process is in it (`box exec` starts one)");
  return run.pid;
}

void print_entry_bits(const MemoryWalk& walk) {
  std::printf("%s%s%s", walk.bits & memory_bit::writable_now ? ", writable" : ", read-only",
              walk.bits & memory_bit::accessed ? ", accessed" : "", walk.bits & memory_bit::dirty ? ", dirty" : "");
}

void print_levels(const MemoryWalk& walk) {
  for (unsigned i = 0; i < walk.levels; ++i) {
    const MemoryWalk::Level& level = walk.level[i];
    std::printf("  |    level %u: entry %3u of the table at GPA %s", walk.levels - i, level.index, address(level.table_gpa).text.c_str());
    if (level.table_hpa != no_address) std::printf(", HPA %s: %s", hex(level.table_hpa).c_str(), hex(level.entry).c_str());
    if (!level.present) std::printf(" (not present)");
    if (level.present && i + 1 == walk.levels) print_entry_bits(walk);
    std::puts("");
  }
}

std::string owner_text(const MemoryWalk& walk, const ContainerStat& container) {
  if (walk.bits & memory_bit::outside) return "somebody outside is charged for it";
  if (walk.owner == container.id) return "in the memory of " + std::string(container.name);
  return walk.owner == host_container ? "the host's" : "in the memory of container " + std::to_string(walk.owner);
}

std::string sharing_text(const MemoryWalk& walk) {
  std::string text = std::to_string(walk.mappers) + (walk.mappers == 1 ? " page table entry uses" : " page table entries use") + " the frame";
  if (walk.caches) text += ", and the cache of its file";
  if (walk.mappers + walk.caches == 1) text += ": it is nobody else's";
  return text;
}

void print_picture(const ContainerStat& container, const MemoryWalk& walk) {
  std::printf("process %d of %s\n\nGVA  %s\n", walk.pid, container.name, hex(walk.gva).c_str());
  if (!(walk.found & MemoryWalk::mapping_found)) return;
  std::printf("  |  mapping %s-%s %s %s: %s", hex(walk.mapping_start).c_str(), hex(walk.mapping_end).c_str(),
              rights_text(walk.bits).c_str(), walk.bits & memory_bit::shared_mapping ? "shared" : "private",
              walk.kind == MemoryKind::file ? printable(walk.name).c_str() : kind_text(walk.kind).c_str());
  if (walk.kind == MemoryKind::file)
    std::printf(", offset %s", hex(walk.mapping_offset + (walk.gva - walk.mapping_start)).c_str());
  std::puts("\n  |  page tables");
  print_levels(walk);
  if (!(walk.found & MemoryWalk::page_found)) return;
  std::printf("GPA  %s  %s\n", address(walk.gpa).text.c_str(), owner_text(walk, container).c_str());
  if (walk.hpa != no_address)
    std::printf("  |  the container's table of frames\nHVA  %s  in the kernel's direct map\n  |  - %s\nHPA  %s  in the machine\n",
                hex(walk.hva).c_str(), hex(walk.hva - walk.hpa).c_str(), hex(walk.hpa).c_str());
  if (walk.bits & memory_bit::zero_page)
    std::puts("\nthe page of zeros that everybody maps; the first write brings a page of its own");
  else
    std::printf("\n%s\n", sharing_text(walk).c_str());
}

void print_json(const MemoryWalk& walk) {
  Table levels({"LEVEL", "INDEX", "ENTRY", "TABLE GPA", "TABLE HPA", "PRESENT"});
  for (unsigned i = 0; i < walk.levels; ++i) {
    const MemoryWalk::Level& level = walk.level[i];
    levels.add({walk.levels - i, level.index, level.entry, address(level.table_gpa), address(level.table_hpa), level.present});
  }
  std::printf("{\"pid\": %d, \"gva\": %llu, \"mapping_start\": %llu, \"mapping_end\": %llu, \"mode\": %s, \"what\": %s, "
              "\"owner\": %d, \"gpa\": %s, \"hva\": %s, \"hpa\": %s, \"users\": %u, \"caches\": %u,\n\"levels\": %s}\n",
              walk.pid, static_cast<unsigned long long>(walk.gva), static_cast<unsigned long long>(walk.mapping_start),
              static_cast<unsigned long long>(walk.mapping_end), json_string(rights_text(walk.bits)).c_str(),
              json_string(what_is(walk)).c_str(), walk.owner, address(walk.gpa).json.c_str(), address(walk.hva).json.c_str(),
              address(walk.hpa).json.c_str(), walk.mappers, walk.caches, levels.json().c_str());
}

struct MemoryWord {
  std::string container, address, log;
  int pid = 0;
  Format format = Format::table;
};

void show_walk(const ContainerStat& container, const MemoryWord& word) {
  MemoryWalk walk;
  walk.container = container.id;
  walk.gva = parse_address(word.address);
  walk.pid = word.pid ? word.pid : first_process_of(container);
  const int result = walk_memory(walk);
  const int error = errno;
  if (result != 0 && error == ESRCH)
    throw Failure("mem: process " + std::to_string(walk.pid) + ": not in " + container.name + " (`box mem " + container.name + "` shows its processes)");
  if (result != 0 && error != EFAULT) throw system_failure(container.name, error);
  if (result == 0 && word.format == Format::json) return print_json(walk);
  print_picture(container, walk);
  std::fflush(stdout);
  if (result == 0) return;
  if (walk.found & MemoryWalk::mapping_found)
    throw Failure("mem: " + word.address + ": no page is there yet (the first access brings one)");
  throw Failure("mem: " + word.address + ": nothing is mapped there (`box mem " + container.name + "` shows what is)");
}

void switch_log(const ContainerStat& container, bool on) {
  const int result = on ? memory_log_on(container.id) : memory_log_off(container.id);
  if (result != 0 && errno != EBUSY) throw system_failure(container.name);  // busy: it is so already
}

void show(const MemoryWord& word) {
  const ContainerStat container = find(word.container);
  if (!word.log.empty()) return switch_log(container, word.log == "on");
  if (!word.address.empty()) return show_walk(container, word);
  MemoryListing(container).print(word.format);
}

}  // namespace

void add_mem(CLI::App& box, int&) {
  auto options = std::make_shared<MemoryWord>();
  CLI::App& word = *box.add_subcommand("mem", "show a container's memory: all of it, or where one address leads");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  CLI::Option& address = *word.add_option("ADDRESS", options->address, "of a process (GVA), such as 0x7f0012345678");
  word.add_option("--pid", options->pid, "the process, as the container numbers it (else its first)")->needs(&address)->check(CLI::PositiveNumber);
  word.add_option("--log", options->log, "print what programs record with memory_gva on the container's console")
      ->check(CLI::IsMember({"on", "off"}))
      ->excludes(&address);
  add_format_option(word, options->format);
  word.callback([options] { show(*options); });
}

}  // namespace cv6::box
