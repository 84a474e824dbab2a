// cv6's own calls on the memory of containers (user/include/cv6/memory.hpp): what its addresses mean.
//
// Who may: a privileged process above the container; inside it, whoever may inspect the process, or a privileged one where
// the whole container is asked about. Only the host's processes are told what is the host's own: HVA, HPA, table entries.
#include <algorithm>
#include <bit>
#include <cstring>

#include "abi/container_memory_types.hpp"
#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "fs/mapped_file.hpp"
#include "lib/format.hpp"
#include "task/container_console.hpp"
#include "task/process_info.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {
namespace {

// The caller's own container, or one below it. Error::srch, Error::perm (below: the caller is not privileged).
Result<Ref<Container>> find_own_or_below(Context& context, int id) {
  if (id == context.container.id()) return Ref<Container>(&context.container);
  return find_to_manage(context, id);
}

// What somebody in a container may be told about a frame.
class FrameView {
 public:
  explicit FrameView(const Container& viewer) : viewer_(viewer) {}

  bool shows_host() const { return viewer_.is_host(); }
  bool is_outside(const FrameFacts& frame) const {
    return !viewer_.is_host() && !(frame.owner && frame.owner->is_or_is_below(viewer_.memory()));
  }
  std::uint64_t gpa(const FrameFacts& frame) const {
    return is_outside(frame) ? no_address : std::uint64_t{frame.guest_number} << page_shift;
  }
  std::uint64_t hpa(const FrameFacts& frame) const {
    return shows_host() ? std::uint64_t{frame.number} << page_shift : no_address;
  }
  std::uint64_t hva(const FrameFacts& frame) const {
    return shows_host() ? reinterpret_cast<std::uintptr_t>(arch::direct(hpa(frame))) : no_address;
  }
  std::int32_t owner(const FrameFacts& frame) const {
    return frame.owner && !is_outside(frame) ? frame.owner->container_id() : Container::host_id;
  }

 private:
  const Container& viewer_;
};

using Description = AddressSpace::Description;

MemoryKind kind_of(const Description& mapping) {
  if (mapping.name == "[heap]") return MemoryKind::heap;
  if (mapping.name == "[stack]") return MemoryKind::stack;
  if (!mapping.object) return MemoryKind::anonymous;
  return mapping.found_at ? MemoryKind::file : MemoryKind::shared_memory;
}

MemoryKind kind_of(const FrameFacts& frame) {
  switch (frame.use) {
    case FrameUse::user_page: return MemoryKind::process_page;
    case FrameUse::file_page: return MemoryKind::file_page;
    case FrameUse::page_table: return MemoryKind::page_table;
    default: return MemoryKind::kernel_data;
  }
}

std::uint16_t bits_of(const Description& mapping) {
  std::uint16_t bits = 0;
  if (mapping.protection.read) bits |= memory_bit::read;
  if (mapping.protection.write) bits |= memory_bit::write;
  if (mapping.protection.execute) bits |= memory_bit::execute;
  if (mapping.sharing == Mapping::Sharing::shared) bits |= memory_bit::shared_mapping;
  return bits;
}

std::uint16_t bits_of(arch::PageEntry entry) {
  std::uint16_t bits = 0;
  if (entry.present() && entry.writable()) bits |= memory_bit::writable_now;
  if (entry.accessed()) bits |= memory_bit::accessed;
  if (entry.dirty()) bits |= memory_bit::dirty;
  return bits;
}

std::uint16_t bits_of(const FrameFacts& frame, const FrameView& view) {
  std::uint16_t bits = view.is_outside(frame) ? memory_bit::outside : std::uint16_t{0};
  if (frames::is_zero_page(*Frame::numbered(frame.number))) bits |= memory_bit::zero_page;
  return bits;
}

// The same members of MemoryWalk and MemoryRun.
template <class Answer>
void describe_page(Answer& answer, const FrameFacts& frame, const FrameView& view) {
  answer.gpa = view.gpa(frame);
  answer.hva = view.hva(frame);
  answer.hpa = view.hpa(frame);
  answer.owner = view.owner(frame);
  answer.mappers = frame.users - std::min(frame.users, frame.caches);
  answer.caches = frame.caches;
  answer.bits |= bits_of(frame, view);
}

// The end of a text that does not fit, since that is what tells files apart.
void copy_name(std::span<char> to, std::string_view text) {
  constexpr std::string_view cut = "...";
  if (text.size() < to.size()) {
    std::memcpy(to.data(), text.data(), text.size());
    return;
  }
  const std::size_t kept = to.size() - 1 - cut.size();
  std::memcpy(to.data(), cut.data(), cut.size());
  std::memcpy(to.data() + cut.size(), text.data() + text.size() - kept, kept);
}

// As the caller sees the file's place.
Result<void> describe_name(Context& context, const Description& mapping, std::span<char> to) {
  if (!mapping.found_at) {
    copy_name(to, mapping.name);
    return {};
  }
  Own<char[]> buffer(new (std::nothrow) char[path_max]);
  if (!buffer) return Error::nomem;
  const Path& path = static_cast<const MappedFile&>(*mapping.found_at).path();
  const PathText text = TRY(path_text(path, context.process.fs().root(), {buffer.get(), path_max}));
  copy_name(to, text.text);
  return {};
}

void describe_levels(MemoryWalk& answer, const AddressSpace::Walk& walk, const FrameView& view) {
  static_assert(arch::table_levels <= MemoryWalk::most_levels);
  answer.levels = walk.levels;
  for (unsigned i = 0; i < walk.levels; ++i) {
    MemoryWalk::Level& level = answer.level[i];
    level.entry = view.shows_host() ? std::bit_cast<std::uint64_t>(walk.entries[i]) : 0;
    level.table_gpa = view.gpa(walk.tables[i]);
    level.table_hpa = view.hpa(walk.tables[i]);
    level.index = arch::table_index(answer.gva, arch::table_levels - 1 - i);
    level.present = walk.entries[i].present();
  }
}

Result<void> describe_walk(Context& context, MemoryWalk& answer, const AddressSpace::Walk& walk) {
  const FrameView view(context.container);
  answer.found = MemoryWalk::mapping_found;
  answer.mapping_start = walk.mapping.start;
  answer.mapping_end = walk.mapping.end;
  answer.mapping_offset = walk.mapping.offset;
  answer.kind = kind_of(walk.mapping);
  answer.bits = bits_of(walk.mapping);
  TRY(describe_name(context, walk.mapping, answer.name));
  describe_levels(answer, walk, view);
  if (!walk.has_page) return {};
  answer.found |= MemoryWalk::page_found;
  answer.bits |= bits_of(walk.entries[walk.levels - 1]);
  describe_page(answer, walk.page, view);
  const std::uint64_t offset = answer.gva % page_size;
  for (std::uint64_t* address : {&answer.gpa, &answer.hva, &answer.hpa})
    if (*address != no_address) *address += offset;
  return {};
}

// The memory of a process. Error::perm: the caller may not look at it; srch: it has let go of it.
Result<Ref<AddressSpace>> inspected_memory(const Process& caller, Process& process) {
  SpinGuard guard(process.lock());
  if (!may_inspect(caller, process)) return Error::perm;
  Ref<AddressSpace> space = process.parts().address_space;
  if (!space) return Error::srch;
  return space;
}

// --- the table --------------------------------------------------------------------------------------------------------

// Writes runs to the program's array, one after the other.
class RunWriter {
 public:
  RunWriter(Context& context, const MemoryTable& table)
      : context_(context), view_(context.container), to_(table.runs), most_(table.count) {}

  // False: the array is full, or the caller is interrupted and has some already. It goes on from there with the next call.
  bool goes_on() const {
    constexpr std::uint64_t runs_between_yields = 64;
    if (written_ == most_) return false;
    return written_ == 0 || written_ % runs_between_yields != 0 || sched::may_go_on();
  }
  std::uint64_t written() const { return written_; }

  Result<void> write(const AddressSpace::Run& run, int pid) {
    MemoryRun answer{};
    answer.gva = run.address;
    answer.pages = run.pages;
    answer.pid = pid;
    answer.kind = kind_of(run.mapping);
    answer.bits = bits_of(run.mapping) | bits_of(run.entry);
    TRY(describe_name(context_, run.mapping, answer.name));
    return put(answer, run.page);
  }
  Result<void> write(const FrameFacts& frame) {
    MemoryRun answer{};
    answer.gva = no_address;
    answer.pages = 1;
    answer.kind = kind_of(frame);
    return put(answer, frame);
  }

 private:
  Result<void> put(MemoryRun& answer, const FrameFacts& frame) {
    describe_page(answer, frame, view_);
    TRY((to_ + written_).write(answer));
    ++written_;
    return {};
  }

  Context& context_;
  FrameView view_;
  UserPtr<MemoryRun> to_;
  std::uint64_t most_, written_ = 0;
};

// From address `table.next` of process `table.pid`, or of the next one. A process that goes meanwhile is passed over.
Result<void> write_processes(Container& container, MemoryTable& table, RunWriter& writer) {
  AddressSpace::Run run;
  int after = table.pid - 1;
  while (Ref<Process> process = next_process(container, after)) {
    if (after != table.pid) table.next = 0;
    table.pid = after;
    const Ref<AddressSpace> space = process->hold_address_space();
    while (space && space->next_run(table.next, run)) {
      if (!writer.goes_on()) return {};
      TRY(writer.write(run, table.pid));
      table.next = run.address + run.pages * page_size;
    }
  }
  table.pid = after + 1;  // nobody: there has been no process with a greater number
  table.next = 0;
  return {};
}

Result<void> write_frames(Container& container, MemoryTable& table, RunWriter& writer) {
  FrameFacts frame;
  while (writer.goes_on() && table.next <= UINT32_MAX &&
         container.memory().next_frame(static_cast<std::uint32_t>(table.next), frame)) {
    TRY(writer.write(frame));
    table.next = std::uint64_t{frame.guest_number} + 1;
  }
  return {};
}

}  // namespace

Result<long> sys_walk_memory(Context& context, UserPtr<MemoryWalk> pointer, std::size_t size) {
  const MemoryWalk wanted = TRY(read_extensible(pointer, size, sizeof(MemoryWalk)));
  const Ref<Container> container = TRY(find_own_or_below(context, wanted.container));
  const Ref<Process> process = TRY(find_process(*container, wanted.pid));
  const Ref<AddressSpace> space = TRY(inspected_memory(context.process, *process));
  AddressSpace::Walk walk;
  TRY(space->walk(wanted.gva, walk));
  MemoryWalk answer{};
  answer.container = wanted.container;
  answer.pid = wanted.pid;
  answer.gva = wanted.gva;
  TRY(describe_walk(context, answer, walk));
  TRY(pointer.write(answer));
  if (!walk.has_page) return Error::fault;
  return 0;
}

Result<long> sys_memory_table(Context& context, UserPtr<MemoryTable> pointer, std::size_t size) {
  MemoryTable table = TRY(read_extensible(pointer, size, sizeof(MemoryTable)));
  const Ref<Container> container = TRY(find_own_or_below(context, table.container));
  if (!context.process.credentials().privileged()) return Error::perm;
  if (table.view > MemoryTable::frames || table.reserved != 0 || table.pid < 0) return Error::inval;
  RunWriter writer(context, table);
  TRY(table.view == MemoryTable::processes ? write_processes(*container, table, writer)
                                           : write_frames(*container, table, writer));
  const MemoryCounters counters = container->memory().counters();
  table.own_frames = counters.own_frames;
  table.kernel_bytes = counters.own_bytes;
  TRY(pointer.write(table));
  return static_cast<long>(writer.written());
}

// --- what programs record -------------------------------------------------------------------------------------------------

namespace {

// Whoever is inside may switch its own container's.
Result<long> switch_log(Context& context, int id, AllocationRecord::Log log) {
  const Ref<Container> container = TRY(find_own_or_below(context, id));
  TRY(switch_memory_log(*container, log));
  return 0;
}

}  // namespace

Result<long> sys_memory_log_on(Context& context, int id) { return switch_log(context, id, AllocationRecord::Log::on); }
Result<long> sys_memory_log_off(Context& context, int id) { return switch_log(context, id, AllocationRecord::Log::off); }

Result<long> sys_memory_gva(Context& context, int size, unsigned long address) {
  return record_allocation(context, size, address);
}

}  // namespace cv6::linux_abi
