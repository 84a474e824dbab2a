// libc++ needs the header; the kernel's errors are in lib/result.hpp.
#pragma once
