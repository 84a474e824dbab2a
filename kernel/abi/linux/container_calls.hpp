// What the calls on containers share.
#pragma once

#include "abi/container_types.hpp"
#include "abi/context.hpp"
#include "container/manager.hpp"

namespace cv6::linux_abi {

// A privileged process of the host, or of a container that may have containers of its own: Error::perm.
Result<void> check_may_manage(const Context& context);
// What the caller may know about: else it is as if it did not exist (Error::srch).
Result<Ref<Container>> find_container(Context& context, int id);
// Both: Error::srch, perm.
Result<Ref<Container>> find_to_manage(Context& context, int id);
// What `change` names; the defaults for the rest. Error::inval.
Result<SchedSettings> sched_settings_of(const ContainerScheduling& wanted);

}  // namespace cv6::linux_abi
