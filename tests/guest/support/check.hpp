#pragma once
// Assertions on system calls: what is expected is either success or one exact errno.
//
//   const int fd = ASSERT_OK(open(path, O_RDONLY));         is not possible with gtest, therefore:
//   const int fd = open(path, O_RDONLY); ASSERT_OK(fd);     errno must not be touched between the two
//   EXPECT_ERRNO(ENOENT, open("missing", O_RDONLY));

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace cv6::guest {

// True for what the C library and raw syscall() return on failure: -1 as an integer or as a pointer (MAP_FAILED).
template <class T>
bool is_failure(const T& result) {
  return (long)result == -1L;
}

template <class T>
testing::AssertionResult succeeded(const T& result) {
  const int error = errno;
  if (!is_failure(result)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "failed: " << strerrorname_np(error) << " (" << strerror(error) << ")";
}

template <class T>
testing::AssertionResult failed_with(int expected, const T& result) {
  const int error = errno;
  if (!is_failure(result)) {
    return testing::AssertionFailure() << "succeeded with " << (long)result << ", not " << strerrorname_np(expected);
  }
  if (error == expected) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "failed with " << strerrorname_np(error) << ", not "
                                     << strerrorname_np(expected);
}

}  // namespace cv6::guest

#define EXPECT_OK(call) EXPECT_TRUE(::cv6::guest::succeeded(call)) << #call
#define ASSERT_OK(call) ASSERT_TRUE(::cv6::guest::succeeded(call)) << #call
#define EXPECT_ERRNO(error, call) EXPECT_TRUE(::cv6::guest::failed_with(error, call)) << #call
#define ASSERT_ERRNO(error, call) ASSERT_TRUE(::cv6::guest::failed_with(error, call)) << #call
