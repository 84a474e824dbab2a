#include "support/container.hpp"

#include <unistd.h>

#include "support/temp_dir.hpp"

namespace cv6::guest {

bool has_containers() {
  errno = 0;
  return cid() != -1 || errno != ENOSYS;  // -1 is the host's number
}

ContainerStat Box::stat() const {
  ContainerStat stat;
  stat.id = id_;
  EXPECT_OK(stat_container(stat));
  return stat;
}

ContainerLimit Box::limit(ContainerLimit::Kind kind) const {
  ContainerLimit limit;
  limit.id = id_;
  limit.kind = kind;
  EXPECT_OK(container_limit(limit));
  return limit;
}

ContainerLimit Box::set_limit(ContainerLimit::Kind kind, std::uint64_t value) const {
  ContainerLimit limit;
  limit.id = id_;
  limit.operation = ContainerLimit::Operation::set;
  limit.kind = kind;
  limit.limit = value;
  EXPECT_OK(container_limit(limit));
  return limit;
}

pid_t Box::start(const std::function<void()>& body) const {
  return spawn_checked([&] {
    ASSERT_OK(join_container(id_));
    body();
  });
}

pid_t Box::start_resident(const std::function<void()>& body) const {
  return start([&] {
    const pid_t resident = spawn_checked(body);
    ASSERT_OK(resident);
    const Ending ending = reap(resident);
    EXPECT_TRUE(ending.exited(0)) << "the resident " << ending;
  });
}

int mount_into(const Box& box, const std::string& source, const std::string& target, std::uint32_t flags) {
  ContainerMount wanted;
  wanted.id = box.id();
  wanted.flags = flags;
  wanted.source = source.c_str();
  wanted.target = target.c_str();
  return mount_in_container(wanted);
}

pid_t spawn_helper(int container, const std::string& name, const std::vector<std::string>& arguments,
                   const std::vector<PassedDescriptor>& passed) {
  char program[4096] = {};
  if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return -1;
  std::vector<const char*> words{"guest-tests", "--helper", name.c_str()};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  words.push_back(nullptr);
  ContainerSpawn wanted;
  wanted.id = container;
  wanted.path = program;
  wanted.arguments = words.data();
  wanted.descriptors = passed.data();
  wanted.descriptor_count = passed.size();
  return spawn_container(wanted);
}

}  // namespace cv6::guest
