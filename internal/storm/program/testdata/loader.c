/* A C program that loads the storm as a library: loader LIBRARY ARGUMENTS... */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char line[4096] = "";
	int (*storm)(char *);
	void *library;
	int i;

	if (argc == 2 && strcmp(argv[1], "-end") == 0)
		return 0;
	if (argc < 2) {
		fputs("loader LIBRARY ARGUMENTS...\n", stderr);
		return 2;
	}
	for (i = 2; i < argc; i++) {
		if (strlen(line) + strlen(argv[i]) + 2 > sizeof line)
			return 2;
		strcat(line, argv[i]);
		strcat(line, " ");
	}
	library = dlopen(argv[1], RTLD_NOW);
	if (library)
		*(void **)&storm = dlsym(library, "pageslot_storm");
	if (!library || !storm) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	return storm(line);
}
