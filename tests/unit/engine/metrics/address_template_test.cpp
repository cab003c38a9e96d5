#include "engine/metrics/address_template.hpp"

#include <gtest/gtest.h>

namespace gauntlet::engine::metrics {
namespace {

TEST(AddressTemplate, has_holes_for_numbers_ids_and_the_values_of_a_query) {
  EXPECT_EQ(address_template("http://h:80/users/17/items/5?page=2&sort=up&x"), "http://h:80/users/{}/items/{}?page={}&sort={}&x");
  EXPECT_EQ(address_template("https://h/a/123e4567-e89b-12d3-a456-426614174000#part"), "https://h/a/{}#part");
  EXPECT_EQ(address_template("https://h/o/507f1f77bcf86cd799439011/"), "https://h/o/{}/");
}

TEST(AddressTemplate, leaves_words_hosts_and_names_alone) {
  for (const char* text : {"http://10.0.0.1:8080/v1/deadbeef/a1", "http://h", "http://h/", "list 12", "/items/12", ""})
    EXPECT_EQ(address_template(text), text);
}

}  // namespace
}  // namespace gauntlet::engine::metrics
