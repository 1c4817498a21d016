// A suite that moves time, each test in a session of its own: a card that lapses in one stays valid in the others, which run at the same time.
package cards

import (
	"context"
	"os"
	"testing"
	"time"

	identity "lienthong/identity/v1"
	simulation "lienthong/simulation/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
)

const citizen = "042090990001"

// as returns a context whose calls have this credential: demo-one-stop.
func as(ctx context.Context, credential string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+credential)
}

// session creates a session for a test, and deletes it afterwards. Calls with the context that it returns are made in it.
func session(t *testing.T) (context.Context, *grpc.ClientConn) {
	t.Helper()
	address := os.Getenv("LIENTHONG_ADDRESS")
	if address == "" {
		address = "127.0.0.1:50051"
	}
	// Newer versions of grpc-go call this grpc.NewClient and insecure.NewCredentials.
	server, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	sessions := simulation.NewSessionServiceClient(server)
	operator := as(context.Background(), "demo-operator")
	created, err := sessions.CreateSession(operator, &simulation.CreateSessionRequest{Label: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	id := created.GetSession().GetSessionId()
	t.Cleanup(func() {
		if _, err := sessions.DeleteSession(operator, &simulation.DeleteSessionRequest{SessionId: id}); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return metadata.AppendToOutgoingContext(context.Background(), "x-lienthong-session", id), server
}

func states(t *testing.T, ctx context.Context, server *grpc.ClientConn) map[string]identity.LinkState {
	t.Helper()
	request := &identity.ListLinksRequest{PersonalId: citizen}
	listed, err := identity.NewLinkServiceClient(server).ListLinks(as(ctx, "demo-citizen-"+citizen), request)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]identity.LinkState)
	for _, link := range listed.GetLinks() {
		found[link.GetLinkId()] = link.GetState()
	}
	return found
}

func TestALinkedCardLapses(t *testing.T) {
	t.Parallel()
	ctx, server := session(t)
	before := states(t, ctx, server)
	jump := &simulation.AdvanceClockRequest{
		RequestId: "nine-years",
		Target:    &simulation.AdvanceClockRequest_By{By: durationpb.New(3000 * 24 * time.Hour)},
	}
	if _, err := simulation.NewSimulationServiceClient(server).AdvanceClock(as(ctx, "demo-operator"), jump); err != nil {
		t.Fatal(err)
	}
	lapsed := 0
	for id, state := range states(t, ctx, server) {
		if state == identity.LinkState_LINK_STATE_LAPSED && before[id] == identity.LinkState_LINK_STATE_LINKED {
			lapsed++
		}
	}
	if lapsed == 0 {
		t.Errorf("nothing lapsed of %v", before)
	}
}

func TestAnotherSessionHasAnotherTime(t *testing.T) {
	t.Parallel()
	ctx, server := session(t)
	for id, state := range states(t, ctx, server) {
		if state == identity.LinkState_LINK_STATE_LAPSED {
			t.Errorf("%s lapsed here too", id)
		}
	}
}
