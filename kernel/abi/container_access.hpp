// Which containers a caller may know about, and which it may manage: the same for every ABI. And what the calls on containers
// of all ABIs do in the same way.
#pragma once

#include "abi/context.hpp"
#include "container/manager.hpp"

namespace cv6::abi {

// A privileged process of the host, or of a container that may have containers of its own: Error::perm.
Result<void> check_may_manage(const Context& context);
// What the caller may know about: else it is as if it did not exist (Error::srch).
Result<Ref<Container>> find_container(Context& context, int id);
// Both: Error::srch, perm.
Result<Ref<Container>> find_to_manage(Context& context, int id);

// The memory log of a container, and what its programs record there. Error::srch: the host has none; busy: it was so already;
// inval: a negative size.
Result<void> switch_memory_log(Container& container, AllocationRecord::Log log);
Result<long> record_allocation(Context& context, int size, std::uint64_t address);

// The machine, or the caller's container with everything in it. Error::perm: the caller is not privileged.
Result<void> shut_down(Context& context, arch::PowerOff how);

// Calls that all ABIs have as they are.
Result<long> sys_destroy_container(Context&, int id);
Result<long> sys_join_container(Context&, int id);
Result<long> sys_leave_container(Context&);

}  // namespace cv6::abi
