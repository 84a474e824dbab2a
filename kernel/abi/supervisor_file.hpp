// The supervisor of a container's system calls as a file. A read gives one question (abi/gate_types.hpp, SupervisedCall), and
// waits for it; 0: nothing is to come, the container is empty or gone. A write is an answer (SupervisorAnswer). Closing it
// ends the supervision.
#pragma once

#include "container/container.hpp"
#include "fs/file.hpp"

namespace cv6::abi {

// Error::busy: somebody supervises it already; nomem.
Result<Ref<File>> open_supervisor(Ref<Container> container, OpenFlags flags, const Credentials& opener);

}  // namespace cv6::abi
