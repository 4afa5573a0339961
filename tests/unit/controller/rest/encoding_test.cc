#include "controller/rest/encoding.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(EncodingTest, AcceptsGzipWhereItIsNamed) {
  for (const char* header : {"gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8", "*",
                             "br, *;q=0.1", "gzip ; q=0.001", "gzip;q=1,*;q=0", "*;q=0, gzip"}) {
    EXPECT_TRUE(AcceptsGzip(header)) << header;
  }
}

TEST(EncodingTest, DoesWithoutGzipWhereItIsNotNamedOrRefused) {
  for (const char* header : {"", "identity", "br, deflate", "gzip;q=0", "gzip; Q=0.000", "*;q=0",
                             "*, gzip;q=0", "gzipped", ",,", "x-gzip"}) {
    EXPECT_FALSE(AcceptsGzip(header)) << header;
  }
}

}  // namespace
}  // namespace broadside
