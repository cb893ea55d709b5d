"""What a stranger plants: files that would make a reader fetch from a network, or show a secret of this computer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECRET = b"root:x:0:0:this is none of a scene's business:/root:/bin/bash\n"


@dataclass
class Listener:
    """A web server of this computer that knows what was asked of it.

    Attributes:
        url: Its address.
        requests: The paths that were asked for.
    """

    url: str = ""
    requests: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    """A web server that answers nothing but 404, for the time of a test."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listener.requests.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.url = f"http://127.0.0.1:{server.server_port}"
    # how soon it looks whether the test is over, in seconds
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()


def wms(url: str) -> str:
    """A raster whose pixels are fetched."""
    return f"""<GDAL_WMS><Service name="TMS"><ServerUrl>{url}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service>
        <DataWindow><UpperLeftX>0</UpperLeftX><UpperLeftY>64</UpperLeftY><LowerRightX>64</LowerRightX>
        <LowerRightY>0</LowerRightY><SizeX>64</SizeX><SizeY>64</SizeY><TileLevel>0</TileLevel></DataWindow>
        <BlockSizeX>64</BlockSizeX><BlockSizeY>64</BlockSizeY><BandsCount>1</BandsCount></GDAL_WMS>"""


def vrt(source: str, *, relative: bool = False, more: str = "") -> str:
    """A virtual raster of 64 x 64 px that draws on one file."""
    return f"""<VRTDataset rasterXSize="64" rasterYSize="64">{more}<VRTRasterBand dataType="Byte" band="1">
        <SimpleSource><SourceFilename relativeToVRT="{int(relative)}">{source}</SourceFilename>
        <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""


def raw_vrt(source: str, *, relative: bool = False) -> str:
    """A virtual raster that shows the bytes of a file as pixels."""
    return f"""<VRTDataset rasterXSize="8" rasterYSize="4">
        <VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
        <SourceFilename relativeToVRT="{int(relative)}">{source}</SourceFilename>
        <ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>8</LineOffset>
        </VRTRasterBand></VRTDataset>"""


def secret_file(folder: Path) -> Path:
    """A file that no map may show."""
    path = folder / "passwd"
    path.write_bytes(SECRET * 100)
    return path
