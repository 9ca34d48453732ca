"""Topic names and filters, as tests/vectors/topics.json has them."""

from __future__ import annotations

import unittest

from nexusd_client import topics
from tests.vectors import bytes_of, load, text_of


def utf8_of(record: "dict[str, object]") -> bytes:
    return bytes_of(record["hex"]) if "hex" in record else text_of(record["text"]).encode()


class Topics(unittest.TestCase):
    def test_names(self) -> None:
        for record in load("topics.json")["names"]:
            with self.subTest(record["id"]):
                reason = topics.check_name(utf8_of(record))
                self.assertEqual(reason, None if record["valid"] else record["reason"])

    def test_filters(self) -> None:
        for record in load("topics.json")["filters"]:
            with self.subTest(record["id"]):
                reason, canonical = topics.parse_filter(utf8_of(record))
                self.assertEqual(reason, None if record["valid"] else record["reason"])
                if record["valid"] and "canonical" in record:
                    self.assertEqual(canonical, text_of(record["canonical"]))

    def test_groups(self) -> None:
        for record in load("topics.json")["groups"]:
            with self.subTest(record["id"]):
                utf8 = utf8_of(record)
                self.assertTrue(topics.is_group(utf8))
                reason, group, canonical = topics.parse_group(utf8)
                self.assertEqual(reason, None if record["valid"] else record["reason"])
                self.assertEqual(topics.check_any_filter(utf8), reason)
                if record["valid"]:
                    self.assertEqual((group, canonical), (record["group"], record["filter"]))

    def test_every_reason_has_a_text(self) -> None:
        records = load("topics.json")
        for kind in ("names", "filters", "groups"):
            for record in records[kind]:
                if not record["valid"]:
                    self.assertTrue(topics.describe(record["reason"]).endswith("."))


if __name__ == "__main__":
    unittest.main()
