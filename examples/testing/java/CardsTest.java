import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.grpc.Channel;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import lienthong.identity.v1.LinkServiceGrpc;
import lienthong.identity.v1.LinkServiceOuterClass.Link;
import lienthong.identity.v1.LinkServiceOuterClass.LinkState;
import lienthong.identity.v1.LinkServiceOuterClass.ListLinksRequest;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A suite that moves time: what lapses in it goes on in other suites, and in its own next test. */
class CardsTest {
    private static final String CITIZEN = "042090990001";

    @RegisterExtension
    static final LienthongSession session = LienthongSession.on(System.getenv().getOrDefault("LIENTHONG_ADDRESS", "127.0.0.1:50051"));

    private static Map<String, LinkState> links(Channel channel) {
        var request = ListLinksRequest.newBuilder().setPersonalId(CITIZEN).build();
        var links = LinkServiceGrpc.newBlockingStub(channel).listLinks(request).getLinksList();
        return links.stream().collect(Collectors.toMap(Link::getLinkId, Link::getState));
    }

    @Test
    void aLinkedCardLapses() {
        var citizen = session.channel("demo-citizen-" + CITIZEN);
        var before = links(citizen);
        session.advance(Duration.ofDays(3000));
        assertNotEquals(before, links(citizen));
    }

    @RepeatedTest(2)
    void eachTestBeginsAsTheSessionBegan() {
        var citizen = session.channel("demo-citizen-" + CITIZEN);
        assertEquals(0, links(citizen).values().stream().filter(LinkState.LINK_STATE_LAPSED::equals).count());
        session.advance(Duration.ofDays(3000));
    }
}
