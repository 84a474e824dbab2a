// Processes that nobody forks: the first one, and those spawned into containers. Private to task/.
//
// All that can fail happens before the process is visible: make_new_process(), then enter the container, then
// start_new_process() with the tree lock held and sched::start(). Its first thread installs the program and goes to user
// mode.
#pragma once

#include "mm/payer.hpp"
#include "task/argument_strings.hpp"
#include "task/process.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

// Makes something on behalf of a container. `make` does not block.
template <class Make>
auto paid_by(const Container& container, Make make) {
  const payer::Scope scope(container.payer());
  return make();
}

struct NewProcessRequest {
  Ref<Container> container;
  Ref<const Credentials> credentials;
  Ref<FsContext> fs;
  Ref<DescriptorTable> files;
  ResourceLimits limits = ResourceLimits::initial();
  std::string_view path;               // of the program, as seen from `fs`
  ArgumentStrings* arguments = nullptr;  // taken over
};

struct NewProcess {
  Ref<Process> process;
  Ref<UserThread> thread;
};

Result<NewProcess> make_new_process(const NewProcessRequest& request);
// One that will not be started after all.
void discard_new_process(NewProcess& made);
// A session and group of its own for a process that is not visible yet. Error::nomem.
Result<Ref<ProcessGroup>> make_session(Process& process);
void start_new_process(NewProcess& made, Process* parent, Ref<ProcessGroup> group) REQUIRES(process_tree_lock);

}  // namespace cv6
