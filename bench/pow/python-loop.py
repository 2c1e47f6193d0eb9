# The inner loop of the Python client's solver, and the same without its way through hexadecimal text. Prints hashes and CPU seconds of each.
import binascii
import hashlib
import sys
import time

try:
    from Cryptodome.Hash import keccak
except ImportError:
    from Crypto.Hash import keccak

PREIMAGE = bytes((3 * k + 1) % 256 for k in range(32))
DIFFICULTY = 10_000_000


def like_the_client(count):
    """Every message goes to hexadecimal text, and from there to a list of numbers, two digits at a time."""
    found = 0
    for nonce in range(count):
        text = binascii.hexlify(nonce.to_bytes(8, "little")) + binascii.hexlify(PREIMAGE)[:64]
        numbers = [int(text[at : at + 2], 16) for at in range(0, len(text), 2)]
        inner = hashlib.sha256(bytearray(numbers)).digest()
        outer = keccak.new(digest_bits=256)
        seal = outer.update(inner).digest()
        found += int.from_bytes(seal, "big") * DIFFICULTY < 2**256 - 1
    return found


def direct(count):
    found = 0
    for nonce in range(count):
        inner = hashlib.sha256(nonce.to_bytes(8, "little") + PREIMAGE).digest()
        seal = keccak.new(digest_bits=256, data=inner).digest()
        found += int.from_bytes(seal, "big") * DIFFICULTY < 2**256 - 1
    return found


loop = {"client": like_the_client, "direct": direct}[sys.argv[1]]
count = int(sys.argv[2])
before = time.process_time()
loop(count)
print(count, time.process_time() - before)
