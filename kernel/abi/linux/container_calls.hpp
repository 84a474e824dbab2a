// What the calls on containers share.
#pragma once

#include "abi/container_access.hpp"
#include "abi/container_types.hpp"
#include "abi/context.hpp"
#include "container/manager.hpp"

namespace cv6::linux_abi {

// What `change` names; the defaults for the rest. Error::inval.
Result<SchedSettings> sched_settings_of(const ContainerScheduling& wanted);

}  // namespace cv6::linux_abi
