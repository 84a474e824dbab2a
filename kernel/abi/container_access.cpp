#include "abi/container_access.hpp"

#include "dev/port.hpp"
#include "lib/format.hpp"
#include "task/container_console.hpp"
#include "task/container_operations.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"

namespace cv6::abi {

Result<void> check_may_manage(const Context& context) {
  if (context.container.nesting() == Nesting::no || !context.process.credentials().privileged()) return Error::perm;
  return {};
}

Result<Ref<Container>> find_container(Context& context, int id) {
  Ref<Container> found = ContainerManager::find(context.container, id);
  if (!found) return Error::srch;
  return found;
}

Result<Ref<Container>> find_to_manage(Context& context, int id) {
  Ref<Container> found = TRY(find_container(context, id));
  TRY(check_may_manage(context));
  return found;
}

Result<void> switch_memory_log(Container& container, AllocationRecord::Log log) {
  if (container.is_host()) return Error::srch;
  if (!container.allocations().set_log(log)) return Error::busy;
  return {};
}

Result<long> record_allocation(Context& context, int size, std::uint64_t address) {
  if (size < 0) return Error::inval;
  AllocationRecord& record = context.container.allocations();
  const std::uint64_t offset = record.add(static_cast<std::uint32_t>(size));
  if (record.log() == AllocationRecord::Log::on) {
    char line[64];
    print_on_console(format_to(line, "GVA : {}, HVA : {:x}\n", offset, address));
  }
  return static_cast<long>(offset);
}

Result<void> shut_down(Context& context, arch::PowerOff how) {
  if (!context.process.credentials().privileged()) return Error::perm;
  if (!context.container.is_host()) {
    kill_everything_in(context.container, nullptr);
    return {};
  }
  // What programs wrote last reaches the other end first.
  ports::for_each([](Port& port, void*) { port.drain(); }, nullptr);
  arch::power_off(how);
}

Result<long> sys_destroy_container(Context& context, int id) {
  const Ref<Container> container = TRY(find_to_manage(context, id));
  TRY(destroy(context.thread, *container));
  return 0;
}

Result<long> sys_join_container(Context& context, int id) {
  const Ref<Container> container = TRY(find_container(context, id));
  TRY(join(context.thread, *container));
  return 0;
}

Result<long> sys_leave_container(Context& context) {
  TRY(leave(context.thread));
  return 0;
}

}  // namespace cv6::abi
