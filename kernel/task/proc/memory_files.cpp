// /proc/PID/{cmdline,environ,auxv,maps,smaps,smaps_rollup}: what a process's memory contains.
#include "fs/mapped_file.hpp"
#include "sched/pace.hpp"
#include "task/proc/memory_text.hpp"
#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

struct MemoryAndRanges {
  Ref<AddressSpace> memory;  // null: the process has let go of it
  ProgramRanges ranges;
};

Result<MemoryAndRanges> memory_and_ranges(const Subject& subject) {
  return subject.inspect([](Process& process) { return MemoryAndRanges{process.parts().address_space, process.ranges}; });
}

// All from the one address to the other, as far as it can be read.
Result<void> copy_strings(AddressSpace& memory, std::uintptr_t start, std::uintptr_t end, TextBuffer& out) {
  Own<std::byte[]> buffer(new (std::nothrow) std::byte[page_size]);
  if (!buffer) return Error::nomem;
  while (start < end && out.complete()) {
    const std::size_t size = std::min<std::uint64_t>(page_size, end - start);
    if (!memory.read_memory(start, {buffer.get(), size})) break;
    out.write({reinterpret_cast<const char*>(buffer.get()), size});
    start += size;
    sched::maybe_yield();
  }
  return {};
}

// Reads words of another address space one page at a time.
class WordReader {
 public:
  WordReader(AddressSpace& memory, std::uintptr_t at) : memory_(memory), at_(at) {}
  Result<std::uint64_t> next() {
    std::uint64_t word = 0;
    TRY(memory_.read_memory(at_, std::as_writable_bytes(std::span(&word, 1))));
    at_ += sizeof word;
    return word;
  }

 private:
  AddressSpace& memory_;
  std::uintptr_t at_;
};

// What a mapping shows: a file, where that has a name.
Result<void> print_mapped_name(const AddressSpace::Description& mapping, TextBuffer& name) {
  if (mapping.found_at) return print_path(name, static_cast<const MappedFile&>(*mapping.found_at).path());
  name.write(mapping.name);
  return {};
}

// Calls visit(mapping facts, description) for each mapping of the process, in order.
template <class Visit>
Result<void> for_each_mapping(AddressSpace& memory, Visit visit) {
  TextBuffer name;
  AddressSpace::Description mapping{};
  for (std::uintptr_t from = 0; memory.describe(from, mapping); from = mapping.end) {
    MappingFacts facts{.start = mapping.start,
                       .end = mapping.end,
                       .protection = mapping.protection,
                       .sharing = mapping.sharing,
                       .offset = mapping.offset};
    if (mapping.object) {
      const MemoryObject::Label label = mapping.object->label();
      facts.device = static_cast<DeviceNumber>(label.device);
      facts.inode = label.inode;
    }
    name.clear();
    TRY(print_mapped_name(mapping, name));
    if (!name.complete()) return Error::nomem;
    facts.name = name.view();
    visit(facts, mapping);
    sched::maybe_yield();
  }
  return {};
}

constexpr unsigned looks_between_yields = 512;

// Looks at each page that can be reached. What the counts say about a page may be out of date at once.
ResidentFacts look_at_pages(AddressSpace& memory, const AddressSpace::Description& mapping) {
  ResidentFacts facts{.size = mapping.end - mapping.start};
  std::uintptr_t at = mapping.start;
  sched::Pace pace(looks_between_yields);
  for (; (at = memory.next_resident(at, mapping.end)) < mapping.end; at += page_size) {
    pace.step();
    AddressSpace::Translation translation{};
    if (!memory.translate(at, translation)) continue;
    const std::uint32_t users = translation.frame->users.load(std::memory_order_relaxed);
    const bool is_file = translation.frame->use == FrameUse::file_page;
    facts.resident += page_size;
    facts.proportional += page_size / (users ? users : 1);
    if (!is_file) facts.anonymous += page_size;
    // Pages of files are their only copy in memory, so nothing is lost with the mapping: they count as clean.
    if (users > 1)
      (is_file ? facts.shared_clean : facts.shared_dirty) += page_size;
    else
      (is_file ? facts.private_clean : facts.private_dirty) += page_size;
  }
  return facts;
}

}  // namespace

Result<void> generate_command_line(const Subject& subject, TextBuffer& out) {
  Ref<Process> process = TRY(subject.process());
  Ref<AddressSpace> memory = process->hold_address_space();
  if (!memory) return {};
  return copy_strings(*memory, process->ranges.arguments_start, process->ranges.arguments_end, out);
}

Result<void> generate_environment(const Subject& subject, TextBuffer& out) {
  const auto [memory, ranges] = TRY(memory_and_ranges(subject));
  if (!memory) return {};
  return copy_strings(*memory, ranges.environment_start, ranges.environment_end, out);
}

// As the program found it on its stack: behind the argument count, the arguments' and the environment's addresses.
Result<void> generate_auxiliary_vector(const Subject& subject, TextBuffer& out) {
  const auto [memory, ranges] = TRY(memory_and_ranges(subject));
  if (!memory || ranges.stack_start == 0) return {};
  WordReader words(*memory, ranges.stack_start);
  std::uint64_t arguments = TRY(words.next());
  const std::uint64_t most = ranges.environment_end - ranges.arguments_start + 2;  // each has a NUL
  if (arguments > most) return {};
  for (; arguments != 0; --arguments) TRY(words.next());
  if (TRY(words.next()) != 0) return {};
  for (std::uint64_t count = 0; TRY(words.next()) != 0;)
    if (++count > most) return {};
  constexpr unsigned most_entries = 64;
  for (unsigned i = 0; i < most_entries; ++i) {
    const std::uint64_t entry[2] = {TRY(words.next()), TRY(words.next())};
    out.write({reinterpret_cast<const char*>(entry), sizeof entry});
    if (entry[0] == 0) break;
  }
  return {};
}

Result<void> generate_maps(const Subject& subject, TextBuffer& out) {
  Ref<AddressSpace> memory = TRY(subject.inspected_memory());
  if (!memory) return {};
  return for_each_mapping(*memory, [&](const MappingFacts& facts, const AddressSpace::Description&) {
    print_mapping(out, facts);
  });
}

Result<void> generate_smaps(const Subject& subject, TextBuffer& out) {
  Ref<AddressSpace> memory = TRY(subject.inspected_memory());
  if (!memory) return {};
  return for_each_mapping(*memory, [&](const MappingFacts& facts, const AddressSpace::Description& mapping) {
    print_mapping(out, facts);
    print_resident(out, look_at_pages(*memory, mapping), SmapsKind::mapping);
  });
}

Result<void> generate_smaps_rollup(const Subject& subject, TextBuffer& out) {
  Ref<AddressSpace> memory = TRY(subject.inspected_memory());
  if (!memory) return {};
  ResidentFacts total;
  MappingFacts range{.name = "[rollup]"};
  TRY(for_each_mapping(*memory, [&](const MappingFacts& facts, const AddressSpace::Description& mapping) {
    if (range.end == 0) range.start = facts.start;
    range.end = facts.end;
    total.add(look_at_pages(*memory, mapping));
  }));
  print_mapping(out, range);
  print_resident(out, total, SmapsKind::rollup);
  return {};
}

}  // namespace cv6::proc
