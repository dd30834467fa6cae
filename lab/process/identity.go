package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// identify reads who the process with this number is now; a zombie is nobody.
func identify(pid int) (Record, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Record{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	start, err := startTicks(string(raw))
	if err != nil {
		return Record{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Record{}, fmt.Errorf("identify boot: %w", err)
	}
	return Record{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// alive tells whether the process with the record's number is the one that was recorded.
func (r Record) alive() bool {
	now, err := identify(r.PID)
	return err == nil && now.Start == r.Start && now.Boot == r.Boot
}

// fingerprint tells a program's file from one built at another time.
func fingerprint(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", real, info.Size(), info.ModTime().UnixNano()), nil
}

// startTicks takes the start time out of a line of /proc/PID/stat, whose second field, the name, may hold anything.
func startTicks(stat string) (uint64, error) {
	_, rest, ok := cutLast(stat, ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, fmt.Errorf("unexpected stat line %q", stat)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, fmt.Errorf("process is dead")
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
