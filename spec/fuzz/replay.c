/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Runs a fuzz target over files, where there is no libFuzzer: replay FILE... */
#include "fuzz.h"

static void replay(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "rb");
	EXPECT(file != NULL);
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
}

int main(int count, char **arguments)
{
	for (int i = 1; i < count; i++)
		replay(arguments[i]);
	return count > 1 ? 0 : 1;
}
