import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.UUID;
import lienthong.simulation.v1.SessionServiceGrpc;
import lienthong.simulation.v1.SessionServiceOuterClass.CreateSessionRequest;
import lienthong.simulation.v1.SessionServiceOuterClass.DeleteSessionRequest;
import lienthong.simulation.v1.SessionServiceOuterClass.ResetSessionRequest;
import lienthong.simulation.v1.SimulationServiceGrpc;
import lienthong.simulation.v1.SimulationServiceOuterClass.AdvanceClockRequest;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A JUnit 5 extension: a session for a class of tests, a world of its own on a Lienthong server that all classes share. It is reset before
 * each test and deleted after the last. The stubs are generated from the project's {@code proto/} folder.
 */
public final class LienthongSession implements BeforeAllCallback, BeforeEachCallback, AfterAllCallback {
    private static final Metadata.Key<String> SESSION =
            Metadata.Key.of("x-lienthong-session", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> CREDENTIAL =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final String address;
    private ManagedChannel server;
    private String id;

    private LienthongSession(String address) {
        this.address = address;
    }

    /** A session of the server at this address, without TLS. */
    public static LienthongSession on(String address) {
        return new LienthongSession(address);
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        server = ManagedChannelBuilder.forTarget(address).usePlaintext().build();
        var request = CreateSessionRequest.newBuilder().setLabel(context.getDisplayName()).build();
        id = sessions().createSession(request).getSession().getSessionId();
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        sessions().resetSession(ResetSessionRequest.newBuilder().setSessionId(id).build());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        sessions().deleteSession(DeleteSessionRequest.newBuilder().setSessionId(id).build());
        server.shutdownNow();
    }

    /** A channel whose calls are made in the session, with this credential: {@code demo-one-stop}. */
    public Channel channel(String credential) {
        var metadata = new Metadata();
        metadata.put(SESSION, id);
        metadata.put(CREDENTIAL, "Bearer " + credential);
        return with(metadata);
    }

    /** Moves the session's clock forward, and no other. */
    public void advance(Duration by) {
        var clock = SimulationServiceGrpc.newBlockingStub(channel("demo-operator"));
        var duration = com.google.protobuf.Duration.newBuilder().setSeconds(by.toSeconds());
        clock.advanceClock(AdvanceClockRequest.newBuilder().setRequestId(UUID.randomUUID().toString()).setBy(duration).build());
    }

    private SessionServiceGrpc.SessionServiceBlockingStub sessions() {
        var metadata = new Metadata();
        metadata.put(CREDENTIAL, "Bearer demo-operator");
        return SessionServiceGrpc.newBlockingStub(with(metadata));
    }

    private Channel with(Metadata metadata) {
        ClientInterceptor interceptor = MetadataUtils.newAttachHeadersInterceptor(metadata);
        return ClientInterceptors.intercept(server, interceptor);
    }
}
