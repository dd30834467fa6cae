package report

// VersionInfo is which build this is.
type VersionInfo struct {
	Head     `json:",inline"`
	Name     string `json:"name"` // "kubectl cilium-gitops"
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Date     string `json:"date"` // of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"` // "linux/amd64"
}

// NewVersionInfo heads v.
func NewVersionInfo(v VersionInfo) VersionInfo {
	v.Head = head("Version")
	return v
}

// Table writes what is known, a line each.
func (v VersionInfo) Table(p *Page, _ bool) {
	p.Line("%s %s", v.Name, v.Version)
	var rows [][]string
	for _, row := range [][]string{{"commit", v.Commit}, {"date", v.Date}, {"go", v.Go}, {"platform", v.Platform}} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if len(rows) > 0 {
		p.Rows(nil, rows)
	}
}

// Names is the version.
func (v VersionInfo) Names() []string { return []string{v.Version} }
