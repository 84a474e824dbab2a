// mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), msync(2), mincore(2), mlock(2), membarrier(2).
//
// Memory is never written out to make room, so locking it asks for one thing only: that the pages are there.
#include <algorithm>

#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "fs/mapped_file.hpp"
#include "sched/scheduler.hpp"

namespace cv6::linux_abi {
namespace {

constexpr unsigned prot_read = 1, prot_write = 2, prot_exec = 4;
constexpr unsigned map_shared = 1, map_private = 2, map_shared_validate = 3, map_type = 0xf, map_fixed = 0x10,
                   map_anonymous = 0x20, map_growsdown = 0x100, map_denywrite = 0x800,
                   map_executable = 0x1000, map_locked = 0x2000, map_noreserve = 0x4000, map_populate = 0x8000,
                   map_nonblock = 0x10000, map_stack = 0x20000, map_fixed_noreplace = 0x100000;
// What changes nothing here: hints, and flags that Linux ignores as well.
constexpr unsigned map_ignored = map_denywrite | map_executable | map_nonblock | map_stack;
constexpr unsigned map_known = map_type | map_fixed | map_anonymous | map_growsdown | map_locked | map_populate |
                               map_fixed_noreplace | map_noreserve | map_ignored;

constexpr Protection protection_of(unsigned bits) {
  return {.read = (bits & prot_read) != 0, .write = (bits & prot_write) != 0, .execute = (bits & prot_exec) != 0};
}

// What the file's access mode and mount allow, and what is mapped.
Result<void> map_file(Context& context, Descriptor descriptor, MapRequest& request, Flags protection) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  if (!file->readable()) return Error::acces;
  if (request.sharing == MapRequest::Sharing::shared && !file->writable()) {
    if (protection.has(prot_write)) return Error::acces;
    request.allowed.write = false;
  }
  const Mount* mount = file->path().mount.get();
  if (mount && (mount->flags() & mount_flag::no_execute)) {
    if (protection.has(prot_exec)) return Error::perm;
    request.allowed.execute = false;
  }
  request.object = TRY(file->memory_object());
  if (file->path()) request.found_at = TRY(make<MappedFile>(file->path()));
  return {};
}

Result<MapRequest> map_request(unsigned long address, std::size_t length, Flags protection, Flags flags) {
  const unsigned type = flags.bits & map_type;
  if (type != map_shared && type != map_private && type != map_shared_validate) return Error::inval;
  if (flags.bits & ~map_known) return type == map_shared_validate ? Error::opnotsupp : Error::inval;
  if (length == 0) return Error::inval;
  MapRequest request;
  request.address = address;
  request.length = length;
  request.place = flags.has(map_fixed_noreplace) ? MapRequest::Place::fixed_no_replace
                  : flags.has(map_fixed)         ? MapRequest::Place::fixed
                  : address != 0                 ? MapRequest::Place::hint
                                                 : MapRequest::Place::anywhere;
  request.sharing = type == map_private ? MapRequest::Sharing::private_ : MapRequest::Sharing::shared;
  request.protection = protection_of(protection.bits);
  request.grows_down = flags.has(map_growsdown);
  request.populate = flags.has(map_populate | map_locked);
  request.reserve = !flags.has(map_noreserve);
  return request;
}

// Makes every page present: mlock(2), and its ENOMEM for what is not mapped.
Result<long> populate(Context& context, unsigned long address, std::size_t length) {
  const std::size_t into_page = address & (page_size - 1);
  std::size_t whole;
  if (__builtin_add_overflow(length, into_page + page_size - 1, &whole)) return Error::inval;
  whole = page_floor(whole);
  if (whole == 0) return 0;
  AddressSpace& space = context.process.address_space();
  TRY(space.check_mapped(address - into_page, whole));
  const auto done = space.advise(address - into_page, whole, AddressSpace::Advice::populate_read);
  if (!done) return done.error() == Error::fault ? Error::nomem : done.error();
  return 0;
}

Result<void> check_may_lock(const Context& context) {
  const bool may = context.process.credentials().privileged() || context.process.limits[Resource::locked_memory].soft != 0;
  if (!may) return Error::perm;
  return {};
}

}  // namespace

Result<long> sys_mmap(Context& context, unsigned long address, std::size_t length, Flags protection, Flags flags,
                      Descriptor file, unsigned long offset) {
  if (offset & (page_size - 1)) return Error::inval;
  MapRequest request = TRY(map_request(address, length, protection, flags));
  if (!flags.has(map_anonymous)) {
    request.offset = offset;
    TRY(map_file(context, file, request, protection));
  }
  return static_cast<long>(TRY(context.process.address_space().map(request)));
}

Result<long> sys_munmap(Context& context, unsigned long address, std::size_t length) {
  TRY(context.process.address_space().unmap(address, length));
  return 0;
}

Result<long> sys_mprotect(Context& context, unsigned long address, std::size_t length, Flags protection) {
  if (!protection.only(prot_read | prot_write | prot_exec)) return Error::inval;
  TRY(context.process.address_space().protect(address, length, protection_of(protection.bits)));
  return 0;
}

Result<long> sys_mremap(Context& context, unsigned long old_address, std::size_t old_length, std::size_t new_length,
                        Flags flags, unsigned long new_address) {
  constexpr unsigned may_move = 1, fixed = 2, dont_unmap = 4;
  if (!flags.only(may_move | fixed | dont_unmap)) return Error::inval;
  if (flags.has(fixed | dont_unmap) && !flags.has(may_move)) return Error::inval;
  const AddressSpace::Move move{.may_move = flags.has(may_move), .fixed = flags.has(fixed),
                                .keep_old = flags.has(dont_unmap), .new_address = new_address};
  return static_cast<long>(TRY(context.process.address_space().remap(old_address, old_length, new_length, move)));
}

Result<long> sys_brk(Context& context, unsigned long end) {
  return static_cast<long>(context.process.address_space().brk(end));
}

Result<long> sys_madvise(Context& context, unsigned long address, std::size_t length, int advice) {
  using Advice = AddressSpace::Advice;
  Advice what;
  switch (advice) {
    case 0:            // MADV_NORMAL, RANDOM, SEQUENTIAL, WILLNEED: hints
    case 1:
    case 2:
    case 3:
    case 14:           // HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, COLD, PAGEOUT: hints that nothing here follows
    case 15:
    case 16:
    case 17:
    case 20:
    case 21: what = Advice::nothing; break;
    case 4: what = Advice::dont_need; break;
    case 8: what = Advice::free; break;
    case 10: what = Advice::dont_fork; break;
    case 11: what = Advice::do_fork; break;
    case 18: what = Advice::wipe_on_fork; break;
    case 19: what = Advice::keep_on_fork; break;
    case 22: what = Advice::populate_read; break;
    case 23: what = Advice::populate_write; break;
    default: return Error::inval;  // MADV_REMOVE, MERGEABLE, HWPOISON: not offered
  }
  TRY(context.process.address_space().advise(address, length, what));
  return 0;
}

// A shared mapping is the file's own pages: there is nothing to write back.
Result<long> sys_msync(Context& context, unsigned long address, std::size_t length, Flags flags) {
  constexpr unsigned async = 1, invalidate = 2, sync = 4;
  if (!flags.only(async | invalidate | sync) || (flags.has(async) && flags.has(sync))) return Error::inval;
  if (address & (page_size - 1)) return Error::inval;
  const std::size_t whole = page_ceiling(length);
  if (whole < length) return Error::nomem;
  TRY(context.process.address_space().check_mapped(address, whole));
  return 0;
}

Result<long> sys_mincore(Context& context, unsigned long address, std::size_t length, UserPtr<std::uint8_t> result) {
  if (address & (page_size - 1)) return Error::inval;
  if (!arch::is_user_range(address, length)) return Error::nomem;
  std::uint8_t states[256];
  for (std::size_t page = 0, pages = pages_for(length); page < pages;) {
    const std::size_t count = std::min(pages - page, sizeof states);
    TRY(context.process.address_space().resident(address + (page << page_shift), count << page_shift, {states, count}));
    TRY((result + page).write_array({states, count}));
    page += count;
    if (context.process.ending()) return Error::intr;
    sched::maybe_yield();
  }
  return 0;
}

Result<long> sys_mlock(Context& context, unsigned long address, std::size_t length) {
  TRY(check_may_lock(context));
  return populate(context, address, length);
}
Result<long> sys_mlock2(Context& context, unsigned long address, std::size_t length, Flags flags) {
  constexpr unsigned on_fault = 1;  // pages are locked as they come: true of all pages
  if (!flags.only(on_fault)) return Error::inval;
  TRY(check_may_lock(context));
  return flags.has(on_fault) ? Result<long>(0) : populate(context, address, length);
}
Result<long> sys_munlock(Context&, unsigned long, std::size_t) { return 0; }
Result<long> sys_mlockall(Context& context, Flags flags) {
  constexpr unsigned current = 1, future = 2, on_fault = 4;
  if (flags.bits == 0 || !flags.only(current | future | on_fault) || flags.bits == on_fault) return Error::inval;
  TRY(check_may_lock(context));
  if (!flags.has(current) || flags.has(on_fault)) return 0;
  AddressSpace& space = context.process.address_space();
  AddressSpace::Description mapping;
  for (std::uintptr_t at = 0; space.describe(at, mapping); at = mapping.end)
    if (mapping.protection.read) (void)space.advise(mapping.start, mapping.end - mapping.start, AddressSpace::Advice::populate_read);
  return 0;
}
Result<long> sys_munlockall(Context&) { return 0; }

// A barrier on every processor, whoever runs there, or on every one that may run this process: stronger than any command asks
// for, so registering is not needed.
Result<long> sys_membarrier(Context& context, unsigned command, Flags flags, int) {
  constexpr unsigned query = 0, global = 1, global_expedited = 2, register_global = 4, private_expedited = 8,
                     register_private = 16;
  if (flags.bits != 0) return Error::inval;
  switch (command) {
    case query: return global | global_expedited | register_global | private_expedited | register_private;
    case register_global:
    case register_private: return 0;
    case private_expedited: context.process.address_space().barrier(); return 0;
    case global:
    case global_expedited: {
      std::atomic_thread_fence(std::memory_order_seq_cst);
      // Every processor answers a request to forget a translation, and an interrupt is a barrier.
      const arch::CpuSet others = (~arch::CpuSet{0} >> (arch::max_cpus - arch::cpu_count())) & ~arch::cpu_bit(arch::cpu_index());
      if (others) arch::flush_others(others, arch::loaded_page_table(), arch::user_start, arch::user_start + page_size);
      return 0;
    }
    default: return Error::inval;
  }
}

}  // namespace cv6::linux_abi
