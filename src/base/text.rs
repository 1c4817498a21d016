//! Vietnamese text: names and addresses as people write them, brought to keys that can be compared.
