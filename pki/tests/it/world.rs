//! A small gRPC-shaped server that says who called it, and callers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use mesolith_pki::{Authority, CertificateRequest, ClientTls, Identity, Material, Peer, Role, ServerTls};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::transport::{Channel, Server};
use tower::{ServiceExt, service_fn};

/// Certificates for a party at 127.0.0.1.
pub(crate) fn issue(authority: &Authority, role: Role, name: &str) -> Material {
    authority.issue(&request(role, name)).unwrap()
}

pub(crate) fn request(role: Role, name: &str) -> CertificateRequest {
    CertificateRequest::new(Identity::new(role, name).unwrap(), ["127.0.0.1", "localhost"])
}

/// The same, but no longer valid.
pub(crate) fn issue_expired(authority: &Authority, role: Role, name: &str) -> Material {
    let mut request = request(role, name).with_lifetime(Duration::from_secs(60));
    request.starts -= Duration::from_secs(3600);
    authority.issue(&request).unwrap()
}

/// A node that answers each call with the caller's identity and the port it called from.
pub(crate) async fn serve(tls: ServerTls) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tls.incoming(listener);
    tokio::spawn(
        Server::builder()
            .add_service(WhoAmI)
            .serve_with_incoming(incoming),
    );
    address
}

pub(crate) async fn serve_as(material: &Material) -> SocketAddr {
    serve(ServerTls::from_material(material, Role::Operator).unwrap()).await
}

#[derive(Clone)]
struct WhoAmI;

impl tonic::server::NamedService for WhoAmI {
    const NAME: &'static str = "test.WhoAmI";
}

impl tower::Service<Request<Body>> for WhoAmI {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = request.extensions().get::<Peer>().unwrap();
        let response = Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "0")
            .header("x-peer", peer.identity.to_string())
            .header("x-port", peer.address.unwrap().port());
        std::future::ready(Ok(response.body(Body::empty()).unwrap()))
    }
}

/// Who the server says we are, and from which port.
pub(crate) async fn call(channel: &Channel) -> Result<(String, String), tonic::transport::Error> {
    let request = Request::post("http://x/test.WhoAmI/Ask").header("content-type", "application/grpc");
    let response = channel
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await?;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    Ok((header("x-peer"), header("x-port")))
}

/// A channel of an operator to a node.
pub(crate) fn dial(material: &Material, address: SocketAddr) -> Channel {
    let tls = ClientTls::from_material(material, Role::Node, None).unwrap();
    tls.channel(&address.to_string()).unwrap()
}

/// A port where something listens that does not speak TLS.
pub(crate) async fn not_tls() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let answer = service_fn(|_: ()| async { Ok::<_, Infallible>(()) });
        let _ = answer.oneshot(()).await;
        while let Ok((mut tcp, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt;
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    address
}
