package ledger

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// schemaVersion names the structure of exported records and receipts.
const schemaVersion = "ISO/IEC TS 27560:2023"

// Exported is a record in the terms of ISO/IEC TS 27560: header, processing,
// parties and events. What the specification has no term for is under "proof".
type Exported struct {
	Record     ExportedHeader     `json:"record"`
	Processing ExportedProcessing `json:"pii_processing"`
	Parties    []ExportedParty    `json:"party_identification"`
	Events     []ExportedEvent    `json:"events"`
	Proof      ExportedProof      `json:"proof"`
}

// ExportedHeader identifies a record. Nobody is identified: the principal's id
// is that of the record.
type ExportedHeader struct {
	SchemaVersion  string `json:"schema_version"`
	RecordID       string `json:"record_id"`
	PIIPrincipalID string `json:"pii_principal_id"`
}

// ExportedProcessing is what was consented to.
type ExportedProcessing struct {
	PrivacyNotice string            `json:"privacy_notice"` // the digest of what was shown
	Language      string            `json:"language"`
	Purposes      []ExportedPurpose `json:"purposes"`
}

// ExportedPurpose is a category, or a service by itself.
type ExportedPurpose struct {
	Purpose          string `json:"purpose"`
	PurposeType      string `json:"purpose_type"` // "category" or "service"
	LawfulBasis      string `json:"lawful_basis"`
	CollectionMethod string `json:"collection_method"`
	WithdrawalMethod string `json:"withdrawal_method"`
}

// ExportedParty is who answers for the site.
type ExportedParty struct {
	PartyID      string `json:"party_id"`
	PartyName    string `json:"party_name,omitempty"`
	PartyContact string `json:"party_contact,omitempty"`
	PartyURL     string `json:"party_url,omitempty"`
	PartyRole    string `json:"party_role"`
}

// ExportedEvent is what the visitor said about some of the purposes.
type ExportedEvent struct {
	EventTime time.Time `json:"event_time"`
	Duration  string    `json:"duration"` // ISO 8601
	EntityID  string    `json:"entity_id"`
	Type      string    `json:"type"`
	State     State     `json:"state"`
	Method    string    `json:"method"`
	Purposes  []string  `json:"purposes"`
}

// ExportedProof is where a record is in its chain, and how it came about.
type ExportedProof struct {
	Site     string `json:"site"`
	Policy   string `json:"policy"`
	Source   string `json:"source"`
	GPC      bool   `json:"gpc"`
	Version  string `json:"module_version"`
	Chain    string `json:"chain"`
	Sequence int64  `json:"sequence"`
	Hash     Digest `json:"hash"`
}

// Controller is who answers for a site, as the cookies policy names it.
type Controller struct {
	Name          string `json:"controller"`
	Contact       string `json:"contact"`
	PrivacyPolicy string `json:"privacy_policy"`
}

// ControllerOf returns who answered for the site when something was shown.
func ControllerOf(shown *Shown) (Controller, error) {
	var document struct {
		Declaration Controller `json:"declaration"`
	}
	if err := json.Unmarshal(shown.Document, &document); err != nil {
		return Controller{}, fmt.Errorf("decoding what was shown: %w", err)
	}
	return document.Declaration, nil
}

// Export puts a record into the terms of ISO/IEC TS 27560.
func Export(r *Record, chain string, sequence int64, hash Digest, controller Controller) *Exported {
	e := &Exported{
		Record: ExportedHeader{SchemaVersion: schemaVersion, RecordID: r.ID, PIIPrincipalID: r.ID},
		Processing: ExportedProcessing{
			PrivacyNotice: "sha256:" + r.Shown.String(),
			Language:      r.Language,
		},
		Parties: []ExportedParty{{
			PartyID:      r.Site,
			PartyName:    controller.Name,
			PartyContact: controller.Contact,
			PartyURL:     controller.PrivacyPolicy,
			PartyRole:    "pii_controller",
		}},
		Proof: ExportedProof{
			Site: r.Site, Policy: r.Policy, Source: r.Source, GPC: r.GPC, Version: r.Version,
			Chain: chain, Sequence: sequence, Hash: hash,
		},
	}
	purposes := map[State][]string{}
	add := func(kind string, states map[string]State) {
		for _, name := range slices.Sorted(maps.Keys(states)) {
			e.Processing.Purposes = append(e.Processing.Purposes, ExportedPurpose{
				Purpose: name, PurposeType: kind, LawfulBasis: "consent",
				CollectionMethod: "web form", WithdrawalMethod: "cookie settings on every page",
			})
			purposes[states[name]] = append(purposes[states[name]], name)
		}
	}
	add("category", r.Categories)
	add("service", r.Services)
	for _, state := range []State{Given, Refused, Withdrawn} {
		if len(purposes[state]) > 0 {
			e.Events = append(e.Events, ExportedEvent{
				EventTime: r.Time, Duration: "P" + strconv.Itoa(r.Days) + "D", EntityID: r.ID,
				Type: "explicit", State: state, Method: r.Method, Purposes: purposes[state],
			})
		}
	}
	return e
}

// jsonText returns what makes a line of JSON of each record.
func jsonText(controllers map[Digest]Controller) textFunc {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	return func(r *Record, chain string, sequence int64, hash Digest) ([]byte, error) {
		out.Reset()
		err := encoder.Encode(Export(r, chain, sequence, hash, controllers[r.Shown]))
		return out.Bytes(), err
	}
}

// csvHeader names the columns of a CSV export.
const csvHeader = "record_id,event_time,site,policy,shown,source,method,language,gpc," +
	"given,refused,withdrawn,duration,module_version,chain,sequence,hash\n"

// csvText returns what makes a line of comma-separated values (RFC 4180) of each
// record.
func csvText() textFunc {
	var out bytes.Buffer
	var line []string
	w := csv.NewWriter(&out)
	return func(r *Record, chain string, sequence int64, hash Digest) ([]byte, error) {
		names := map[State][]string{}
		for _, states := range []map[string]State{r.Categories, r.Services} {
			for _, name := range slices.Sorted(maps.Keys(states)) {
				names[states[name]] = append(names[states[name]], name)
			}
		}
		line = append(line[:0],
			r.ID, r.Time.Format(time.RFC3339Nano), r.Site, r.Policy, r.Shown.String(), r.Source, r.Method, r.Language,
			strconv.FormatBool(r.GPC), strings.Join(names[Given], " "), strings.Join(names[Refused], " "), strings.Join(names[Withdrawn], " "),
			"P"+strconv.Itoa(r.Days)+"D", r.Version, chain, strconv.FormatInt(sequence, 10), hash.String())
		for i, cell := range line {
			line[i] = PlainCell(cell)
		}
		out.Reset()
		if err := w.Write(line); err != nil {
			return nil, err
		}
		w.Flush()
		return out.Bytes(), w.Error()
	}
}

// PlainCell puts an apostrophe before what a spreadsheet would take for a
// formula: the name of a site is what a client wrote into its request.
func PlainCell(cell string) string {
	if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}
