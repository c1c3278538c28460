#include <stdio.h>
#include <string.h>
#include <zlib.h>

int main(void)
{
	const char text[] = "to be compressed, to be compressed, to be compressed";
	unsigned char packed[200];
	char unpacked[200];
	uLongf packed_size = sizeof packed, unpacked_size = sizeof unpacked;
	if (compress(packed, &packed_size, (const Bytef *)text, sizeof text) != Z_OK)
		return 1;
	if (uncompress((Bytef *)unpacked, &unpacked_size, packed, packed_size) != Z_OK)
		return 2;
	return packed_size >= sizeof text || strcmp(text, unpacked) || strcmp(zlibVersion(), ZLIB_VERSION);
}
