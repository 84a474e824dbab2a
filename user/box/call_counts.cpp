#include "call_counts.hpp"

#include <cerrno>
#include <string>

#include "failure.hpp"

namespace cv6::box {
namespace {

constexpr std::uint32_t ring_capacity = 4096;

}  // namespace

ContainerLog read_log_state(int id) {
  ContainerLog log;
  log.id = id;
  if (container_log(log) != 0) throw system_failure("the log of container " + std::to_string(id));
  return log;
}

ContainerLog add_to_log(int id, std::uint32_t what) {
  const ContainerLog before = read_log_state(id);
  ContainerLog wanted = before;
  wanted.operation = ContainerLog::Operation::set;
  wanted.what |= what;
  if ((what & ContainerLog::records) && wanted.capacity < ring_capacity) wanted.capacity = ring_capacity;
  if (container_log(wanted) != 0) throw system_failure("the log of container " + std::to_string(id));
  return before;
}

void restore_log(const ContainerLog& before) {
  ContainerLog wanted = before;
  wanted.operation = ContainerLog::Operation::set;
  container_log(wanted);
}

std::vector<ContainerCallCount> read_counts(int id) {
  std::vector<ContainerCallCount> counts(CallSet::size);
  if (container_call_counts({id, 0, counts.data(), counts.size()}) >= 0) return counts;
  if (errno != ENODATA) throw system_failure("the counters of container " + std::to_string(id));
  return {};
}

}  // namespace cv6::box
